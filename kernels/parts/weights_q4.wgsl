// 4-bit codes. weights: vec4<u32> [tile][step][quarter][lane]; a component is one of the lane's four rows.
// The word of quarter q holds inputs 4q..4q+3 of the step in the low nibbles of its bytes and 16+4q..16+4q+3 in the high
// ones: the order of GGML's Q4_0 and Q4_1 blocks, whose words are copied as they are.

const UNIT: f32 = 1.0;

fn begin_step(tile: u32, step: u32, lane: u32) { load_scales(tile, step, lane); }

fn nibbles(w: vec4u, shift: u32) -> vec4f { return vec4f((w >> vec4u(shift)) & vec4u(15)); }

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 4 + q) * LANES + lane];
  return Quarter(nibbles(w, 0), nibbles(w, 8), nibbles(w, 16), nibbles(w, 24),
                 nibbles(w, 4), nibbles(w, 12), nibbles(w, 20), nibbles(w, 28));
}
