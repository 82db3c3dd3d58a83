// attention_combine: joins the partial results of a token whose keys were split (flash decoding, Dao et al. 2023)
//   out[t, h] = sum_s exp(m_s - m) sums_s / sum_s exp(m_s - m) total_s,  m = max_s m_s
//
//   parts   f32  [parts, HEADS, HEAD_DIM + 4]: sums, maximum, total, two unused: attention with PARTIAL    in
//   spans   u32  [tokens, 2]: first part of a token, number of parts                                       in
//   out     OUT  [tokens, HEADS * HEAD_DIM]                                                                out
//
// Grid: (head, token). A lane owns vec4s of the head. Every part saw at least one key of its range; a part whose keys were all
// masked has total 0.

struct Params { tokens: u32 }

@group(0) @binding(0) var<storage, read> parts: array<vec4f>;
@group(0) @binding(1) var<storage, read> spans: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> out: array<OUT4>;
@group(0) @binding(3) var<uniform> p: Params;

const VECTORS_PER_HEAD: u32 = HEAD_DIM / 4;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.x;
  let token = group.y;
  if (token >= p.tokens) { return; }
  let span = spans[token];
  var best = -1e30;
  for (var s = 0u; s < span.y; s++) {
    best = max(best, parts[((span.x + s) * HEADS + head) * (VECTORS_PER_HEAD + 1) + VECTORS_PER_HEAD].x);
  }
  for (var i = lane; i < VECTORS_PER_HEAD; i += LANES) {
    var sum = vec4f(0.0);
    var total = 0.0;
    for (var s = 0u; s < span.y; s++) {
      let at = ((span.x + s) * HEADS + head) * (VECTORS_PER_HEAD + 1);
      let scale = exp(parts[at + VECTORS_PER_HEAD].x - best);
      sum += scale * parts[at + i];
      total += scale * parts[at + VECTORS_PER_HEAD].y;
    }
    out[(token * HEADS + head) * VECTORS_PER_HEAD + i] = OUT4(sum / total);
  }
}
