// logits_slices: for each slice of a row of logits its maximum, where it is, and the sum of exponentials below it
//   slice[r, s] = (max_i l_i, arg max, sum_i exp(l_i - max), 0), i over the slice
// The caller joins slices: the row's arg max and log-sum-exp need no further pass (Milakov & Gimelshein, arXiv 1805.02867).
//
//   logits  f32  [rows, stride], the first `vocab` of a row count    in
//   slices  f32  [rows, SLICES, 4]; arg max as the bits of a u32     out
//
// Grid: (slice, row). A lane takes every LANES-th element. Ties: the smallest index. NaN never wins. An empty slice has maximum -1e30.

struct Params { rows: u32, vocab: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> slices: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let width = (p.vocab + SLICES - 1) / SLICES;
  let first = group.x * width;
  let end = min(first + width, p.vocab);
  let row = group.y * p.stride;
  var best = -1e30;
  var at = first;
  var total = 0.0;
  for (var i = first + lane; i < end; i += LANES) {
    let l = logits[row + i];
    if (l > best) {
      total = total * exp(best - l) + 1.0;
      best = l;
      at = i;
    } else if (l == l) {
      total += exp(l - best);
    }
  }
  let top = lane_max(best);
  let sum = lane_sum(total * exp(best - top));
  stage(0, vec4f(best, bitcast<f32>(at), 0.0, 0.0));
  stage_ready();
  var winner = 0xffffffffu;
  for (var i = 0u; i < LANES; i++) {
    let other = spread(0, i);
    if (other.x == top) { winner = min(winner, bitcast<u32>(other.y)); }
  }
  if (lane == 0) { slices[group.y * SLICES + group.x] = vec4f(top, bitcast<f32>(winner), sum, 0.0); }
}
