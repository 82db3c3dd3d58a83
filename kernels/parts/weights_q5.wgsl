// 5-bit codes: the low four bits as in weights_q4.wgsl; the fifth in high_bits: vec4<u32> [tile][step][lane], a component a
// row, bit i belonging to input i of the step (GGML's qh).

const UNIT: f32 = 1.0;

var<private> fifth: vec4u;

fn begin_step(tile: u32, step: u32, lane: u32) {
  load_scales(tile, step, lane);
  fifth = high_bits[(tile * p.steps + step) * LANES + lane];
}

fn five_bits(w: vec4u, shift: u32, input: u32) -> vec4f {
  return vec4f(((w >> vec4u(shift)) & vec4u(15)) | (((fifth >> vec4u(input)) & vec4u(1)) << vec4u(4)));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 4 + q) * LANES + lane];
  let low = q * 4;
  let high = 16 + q * 4;
  return Quarter(five_bits(w, 0, low), five_bits(w, 8, low + 1), five_bits(w, 16, low + 2), five_bits(w, 24, low + 3),
                 five_bits(w, 4, high), five_bits(w, 12, high + 1), five_bits(w, 20, high + 2), five_bits(w, 28, high + 3));
}
