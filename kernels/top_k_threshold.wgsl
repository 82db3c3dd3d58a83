// top_k_threshold: a bound below which no logit can be among the k largest
// The k-th largest of the slices' maxima: at least k logits reach it, because each of k slices holds one that does.
//
//   slices      f32  [rows, SLICES, 4] of logits_slices    in
//   thresholds  f32  [rows]                                out
//   counts      u32  [rows], set to 0 for top_k_collect    out
//
// Grid: one workgroup a row; a lane ranks every LANES-th slice (ties by index). 1 <= k <= SLICES.

struct Params { rows: u32, k: u32 }

@group(0) @binding(0) var<storage, read> slices: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> thresholds: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * SLICES;
  for (var i = lane; i < SLICES; i += LANES) {
    let own = slices[row + i].x;
    var rank = 0u;
    for (var j = 0u; j < SLICES; j++) {
      let other = slices[row + j].x;
      rank += select(0u, 1u, other > own || (other == own && j < i));
    }
    if (rank == p.k - 1) { thresholds[group.x] = own; }
  }
  if (lane == 0) { counts[group.x] = 0; }
}
