// token_loss: loss[r] = log sum_i exp(l[r, i]) - l[r, target[r]], the negative log-likelihood of each row's target
//
//   logits   f32  [rows, stride], the first `vocab` of a row count    in
//   targets  u32  [rows], each below vocab                            in
//   losses   f32  [rows]                                              out
//
// Grid: one workgroup a row; a lane keeps a running maximum and sum over every LANES-th logit (arXiv 1805.02867).

struct Params { rows: u32, vocab: u32, stride: u32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let row = flat_group(group, groups);
  if (row >= p.rows) { return; }
  var best = -1e30;
  var total = 0.0;
  for (var i = lane; i < p.vocab; i += LANES) {
    let l = logits[row * p.stride + i];
    let top = max(best, l);
    total = total * exp(best - top) + exp(l - top);
    best = top;
  }
  let top = lane_max(best);
  let sum = lane_sum(total * exp(best - top));
  if (lane == 0) { losses[row] = top + log(sum) - logits[row * p.stride + targets[row]]; }
}
