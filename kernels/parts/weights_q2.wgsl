// 2-bit codes. weights: vec4<u32> [tile][step][half][lane]; a component is one of the lane's four rows. A word holds two
// quarters, sixteen bits each, the lower one first: inputs 4q..4q+3 of the step, then 16+4q..16+4q+3, two bits an input.

const UNIT: f32 = 1.0;

var<private> pairs_low: vec4u;
var<private> pairs_high: vec4u;

fn begin_step(tile: u32, step: u32, lane: u32) {
  load_scales(tile, step, lane);
  let base = (tile * p.steps + step) * 2 * LANES + lane;
  pairs_low = weights[base];
  pairs_high = weights[base + LANES];
}

fn two_bits(w: vec4u, shift: u32) -> vec4f { return vec4f((w >> vec4u(shift)) & vec4u(3)); }

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = select(pairs_low, pairs_high, q >= 2) >> vec4u((q & 1) * 16);
  return Quarter(two_bits(w, 0), two_bits(w, 2), two_bits(w, 4), two_bits(w, 6),
                 two_bits(w, 8), two_bits(w, 10), two_bits(w, 12), two_bits(w, 14));
}
