// 3-bit codes: the low two bits as in weights_q2.wgsl; the third in high_bits: vec4<u32> [tile][step][lane], a component a row:
// of quarter q, input 4q+i of the step at bit 8i+q and 16+4q+i at bit 8i+4+q. So a quarter's eight codes are put together at once,
// as nibbles.
//
// What is loaded once a step and what once a quarter was tried out on lavapipe: the other ways are two to three times slower there.

const UNIT: f32 = 1.0;

var<private> pairs_low: vec4u;
var<private> pairs_high: vec4u;

fn begin_step(tile: u32, step: u32, lane: u32) {
  load_scales(tile, step, lane);
  let base = (tile * p.steps + step) * 2 * LANES + lane;
  pairs_low = weights[base];
  pairs_high = weights[base + LANES];
}

fn nibbles(w: vec4u, shift: u32) -> vec4f { return vec4f((w >> vec4u(shift)) & vec4u(15)); }

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let third = high_bits[(tile * p.steps + step) * LANES + lane];
  let pairs = (select(pairs_low, pairs_high, q >= 2) >> vec4u((q & 1) * 2)) & vec4u(0x33333333);
  let w = pairs | (((third >> vec4u(q)) & vec4u(0x11111111)) << vec4u(2));
  return Quarter(nibbles(w, 0), nibbles(w, 8), nibbles(w, 16), nibbles(w, 24),
                 nibbles(w, 4), nibbles(w, 12), nibbles(w, 20), nibbles(w, 28));
}
