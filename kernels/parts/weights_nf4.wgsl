// NF4 codes (arXiv 2305.14314), laid out as in weights_q4.wgsl; a code is its entry in the table, times the scale of its group.
//
// Entries are integers: 32767 * 65536 times the value, to 16 bits, so off by at most 1.5e-5 of the block's largest weight, a
// thousandth of the distance between neighbours. Two share a word, code c in the low and c + 8 in the upper half, whose own low
// bits are counted in. The word is found by selects on the code's bits: half as many as exact f32 values would take, and no
// memory is indexed by lane, which a processor does one lane at a time.

const UNIT: f32 = 1.0 / (32767.0 * 65536.0);

fn begin_step(tile: u32, step: u32, lane: u32) { load_scales(tile, step, lane); }

fn bit(w: vec4u, index: u32) -> vec4<bool> { return bitcast<vec4i>(w << vec4u(31 - index)) < vec4i(0); }

fn entry(w: vec4u, shift: u32) -> vec4f {
  let b0 = bit(w, shift);
  let b1 = bit(w, shift + 1);
  let low = select(select(vec4u(0x0a2f8001), vec4u(0x1499a6e4), b0), select(vec4u(0x1f80bccb), vec4u(0x2b40cd74), b0), b1);
  let high = select(select(vec4u(0x3868db98), vec4u(0x4802e85a), b0), select(vec4u(0x5c88f459), vec4u(0x7fff0000), b0), b1);
  let pair = select(low, high, bit(w, shift + 2));
  return vec4f(bitcast<vec4i>(select(pair << vec4u(16), pair, bit(w, shift + 3))));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 4 + q) * LANES + lane];
  return Quarter(entry(w, 0), entry(w, 8), entry(w, 16), entry(w, 24), entry(w, 4), entry(w, 12), entry(w, 20), entry(w, 28));
}
