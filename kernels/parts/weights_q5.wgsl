// 5-bit codes: the low four bits as in weights_q4.wgsl; the fifth in high_bits, laid out as the third of weights_q3.wgsl. Four codes
// are put together at once, as bytes.
//
// Words are loaded where they are used, though quarters share them: kept across quarters they are slower on lavapipe.

const UNIT: f32 = 1.0;

fn begin_step(tile: u32, step: u32, lane: u32) { load_scales(tile, step, lane); }

fn bytes(w: vec4u, shift: u32) -> vec4f { return vec4f((w >> vec4u(shift)) & vec4u(255)); }

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 4 + q) * LANES + lane];
  let fifth = high_bits[(tile * p.steps + step) * LANES + lane];
  let low = (w & vec4u(0x0f0f0f0f)) | ((fifth << vec4u(4 - q)) & vec4u(0x10101010));
  let high = ((w >> vec4u(4)) & vec4u(0x0f0f0f0f)) | ((fifth >> vec4u(q)) & vec4u(0x10101010));
  return Quarter(bytes(low, 0), bytes(low, 8), bytes(low, 16), bytes(low, 24),
                 bytes(high, 0), bytes(high, 8), bytes(high, 16), bytes(high, 24));
}
