// 2-bit codes. weights: vec4<u32> [tile][step][half][lane]; a component is one of the lane's four rows. A word holds two quarters:
// of quarter q, input 4q+i of the step at bit 8i and 16+4q+i at bit 8i+4, two bits higher where q is odd.
//
// Words are loaded where they are used, though quarters share them: kept across quarters they are slower on lavapipe.

const UNIT: f32 = 1.0;

fn begin_step(tile: u32, step: u32, lane: u32) { load_scales(tile, step, lane); }

fn two_bits(w: vec4u, shift: u32) -> vec4f { return vec4f((w >> vec4u(shift)) & vec4u(3)); }

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let w = weights[((tile * p.steps + step) * 2 + q / 2) * LANES + lane] >> vec4u((q & 1) * 2);
  return Quarter(two_bits(w, 0), two_bits(w, 8), two_bits(w, 16), two_bits(w, 24),
                 two_bits(w, 4), two_bits(w, 12), two_bits(w, 20), two_bits(w, 28));
}
