// Exchange between the LANES invocations of a workgroup by subgroup shuffles; the whole workgroup is one subgroup.
//
// stage(slot, v)       publishes this lane's v; after stage_ready() others see it
// spread(slot, from)   what lane `from` staged
// stage_done()         to be called before slots are staged again
// *_scalar             the same for f32
// lane_sum, lane_max   over all lanes, the same value in each

var<private> staged: array<vec4f, VECTORS>;
var<private> staged_scalar: array<f32, SCALARS>;

fn enter(lane: u32) {}
fn stage(slot: u32, v: vec4f) { staged[slot] = v; }
fn stage_scalar(slot: u32, v: f32) { staged_scalar[slot] = v; }
fn stage_ready() {}
fn stage_done() {}
fn spread(slot: u32, source: u32) -> vec4f { return subgroupShuffle(staged[slot], source); }
fn spread_scalar(slot: u32, source: u32) -> f32 { return subgroupShuffle(staged_scalar[slot], source); }

fn lane_sum(v: f32) -> f32 {
  var sum = v;
  for (var distance = LANES / 2; distance > 0; distance /= 2) { sum += subgroupShuffleXor(sum, distance); }
  return sum;
}

fn lane_max(v: f32) -> f32 {
  var best = v;
  for (var distance = LANES / 2; distance > 0; distance /= 2) { best = max(best, subgroupShuffleXor(best, distance)); }
  return best;
}
