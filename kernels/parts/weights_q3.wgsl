// 3-bit codes: the low two bits as in weights_q2.wgsl; the third in high_bits: vec4<u32> [tile][step][lane], a component a row,
// bit i belonging to input i of the step.

const UNIT: f32 = 1.0;

var<private> pairs_low: vec4u;
var<private> pairs_high: vec4u;
var<private> third: vec4u;

fn begin_step(tile: u32, step: u32, lane: u32) {
  load_scales(tile, step, lane);
  let base = (tile * p.steps + step) * 2 * LANES + lane;
  pairs_low = weights[base];
  pairs_high = weights[base + LANES];
  third = high_bits[(tile * p.steps + step) * LANES + lane];
}

fn three_bits(w: vec4u, shift: u32, bits: vec4u, input: u32) -> vec4f {
  return vec4f(((w >> vec4u(shift)) & vec4u(3)) | (((bits >> vec4u(input)) & vec4u(1)) << vec4u(2)));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = select(pairs_low, pairs_high, q >= 2) >> vec4u((q & 1) * 16);
  let bits = third >> vec4u(q * 4);
  return Quarter(three_bits(w, 0, bits, 0), three_bits(w, 2, bits, 1), three_bits(w, 4, bits, 2), three_bits(w, 6, bits, 3),
                 three_bits(w, 8, bits, 16), three_bits(w, 10, bits, 17), three_bits(w, 12, bits, 18), three_bits(w, 14, bits, 19));
}
