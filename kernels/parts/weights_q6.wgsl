// 6-bit codes: the low four bits as in weights_q4.wgsl; the upper two in high_bits, laid out as weights_q2.wgsl lays out its codes.

const UNIT: f32 = 1.0;

var<private> upper_low: vec4u;
var<private> upper_high: vec4u;

fn begin_step(tile: u32, step: u32, lane: u32) {
  load_scales(tile, step, lane);
  let base = (tile * p.steps + step) * 2 * LANES + lane;
  upper_low = high_bits[base];
  upper_high = high_bits[base + LANES];
}

fn six_bits(w: vec4u, shift: u32, upper: vec4u, bit: u32) -> vec4f {
  return vec4f(((w >> vec4u(shift)) & vec4u(15)) | (((upper >> vec4u(bit)) & vec4u(3)) << vec4u(4)));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 4 + q) * LANES + lane];
  let u = select(upper_low, upper_high, q >= 2) >> vec4u((q & 1) * 16);
  return Quarter(six_bits(w, 0, u, 0), six_bits(w, 8, u, 2), six_bits(w, 16, u, 4), six_bits(w, 24, u, 6),
                 six_bits(w, 4, u, 8), six_bits(w, 12, u, 10), six_bits(w, 20, u, 12), six_bits(w, 28, u, 14));
}
