// top_k_collect: every logit that reaches its row's threshold: a superset of the k largest, unordered
//
//   logits      f32  [rows, stride], the first `vocab` of a row count           in
//   thresholds  f32  [rows]                                                     in
//   counts      u32  [rows], 0 before; may exceed CAPACITY                      in, out
//   candidates  u32  [rows, CAPACITY, 2]: id, bits of the logit                 out
//
// Grid: (part of the row, row), LANES * 64 logits a part. Past CAPACITY nothing is written, only counted: the caller then reads the
// whole row.

struct Params { rows: u32, vocab: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> thresholds: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> candidates: array<vec2<u32>>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y;
  let threshold = thresholds[row];
  let first = group.x * LANES * 64 + lane;
  for (var n = 0u; n < 64; n++) {
    let i = first + n * LANES;
    if (i >= p.vocab) { return; }
    let l = logits[row * p.stride + i];
    if (l >= threshold) {
      let at = atomicAdd(&counts[row], 1u);
      if (at < CAPACITY) { candidates[row * CAPACITY + at] = vec2u(i, bitcast<u32>(l)); }
    }
  }
}
