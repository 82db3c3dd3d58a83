// FP4 codes in bitsandbytes' order, laid out as in weights_q4.wgsl: bit 3 is the sign, the others choose 0, 1/192, 2/3, 1, 1/3, 1/2,
// 1/6 or 1/4; times the scale of the group. As 192nds they are bytes: bit 2 chooses a word of four, the low bits shift it.

const UNIT: f32 = 1.0 / 192.0;

fn begin_step(tile: u32, step: u32, lane: u32) { load_scales(tile, step, lane); }

// Eight times the two bits from `shift` on.
fn byte_offset(w: vec4u, shift: u32) -> vec4u {
  if (shift < 3) { return (w << vec4u(3 - shift)) & vec4u(24); }
  return (w >> vec4u(shift - 3)) & vec4u(24);
}

fn entry(w: vec4u, shift: u32) -> vec4f {
  let upper = bitcast<vec4i>(w << vec4u(29 - shift)) < vec4i(0);
  let four = select(vec4u(0xc0800100), vec4u(0x30206040), upper);
  let magnitude = vec4f((four >> byte_offset(w, shift)) & vec4u(255));
  return bitcast<vec4f>(bitcast<vec4u>(magnitude) | ((w << vec4u(28 - shift)) & vec4u(0x80000000)));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 4 + q) * LANES + lane];
  return Quarter(entry(w, 0), entry(w, 8), entry(w, 16), entry(w, 24), entry(w, 4), entry(w, 12), entry(w, 20), entry(w, 28));
}
