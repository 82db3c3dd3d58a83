// Exchange between the LANES invocations of a workgroup through workgroup memory, for devices without subgroups.
// The functions are those of lanes_subgroup.wgsl; all of them but stage and spread must be called in uniform control flow.

var<workgroup> staged: array<vec4f, VECTORS * LANES>;
var<workgroup> staged_scalar: array<f32, SCALARS * LANES>;
var<workgroup> reduced: array<f32, LANES>;
var<private> own_lane: u32;

fn enter(lane: u32) { own_lane = lane; }
fn stage(slot: u32, v: vec4f) { staged[slot * LANES + own_lane] = v; }
fn stage_scalar(slot: u32, v: f32) { staged_scalar[slot * LANES + own_lane] = v; }
fn stage_ready() { workgroupBarrier(); }
fn stage_done() { workgroupBarrier(); }
fn spread(slot: u32, source: u32) -> vec4f { return staged[slot * LANES + source]; }
fn spread_scalar(slot: u32, source: u32) -> f32 { return staged_scalar[slot * LANES + source]; }

fn lane_sum(v: f32) -> f32 {
  reduced[own_lane] = v;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) { sum += reduced[i]; }
  workgroupBarrier();
  return sum;
}

fn lane_max(v: f32) -> f32 {
  reduced[own_lane] = v;
  workgroupBarrier();
  var best = reduced[0];
  for (var i = 1u; i < LANES; i++) { best = max(best, reduced[i]); }
  workgroupBarrier();
  return best;
}
