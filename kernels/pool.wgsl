// pool: one vector a sequence from its tokens' hidden states, of unit length if NORMALIZE
//   MODE 0 mean, 1 maximum, 2 first token, 3 last token          Reimers & Gurevych, arXiv 1908.10084
//
//   x      f32  [tokens, dim], dim a multiple of 4        in
//   spans  u32  [sequences, 2]: first token, tokens > 0   in
//   y      f32  [sequences, dim]                          out; may not alias x
//
// Grid: one workgroup a sequence; a lane takes every LANES-th vec4 and walks the tokens. Sums in f32. A vector of zeros stays zero.

struct Params { sequences: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> spans: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn pooled(span: vec2u, chunk: u32) -> vec4f {
  let chunks = p.dim / 4;
  if (MODE == 2) { return x[span.x * chunks + chunk]; }
  if (MODE == 3) { return x[(span.x + span.y - 1) * chunks + chunk]; }
  var v = x[span.x * chunks + chunk];
  for (var t = 1u; t < span.y; t++) {
    let next = x[(span.x + t) * chunks + chunk];
    if (MODE == 0) { v += next; } else { v = max(v, next); }
  }
  if (MODE == 0) { v /= f32(span.y); }
  return v;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let sequence = flat_group(group, groups);
  if (sequence >= p.sequences) { return; }
  let chunks = p.dim / 4;
  var squares = 0.0;
  for (var i = lane; i < chunks; i += LANES) {
    let v = pooled(spans[sequence], i);
    squares += dot(v, v);
    y[sequence * chunks + i] = v;
  }
  if (!NORMALIZE) { return; }
  let length = sqrt(lane_sum(squares));
  let scale = select(0.0, 1.0 / length, length > 0.0);
  for (var i = lane; i < chunks; i += LANES) { y[sequence * chunks + i] *= scale; }
}
