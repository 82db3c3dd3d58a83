// Signed 8-bit codes. weights: vec4<u32> [tile][step][quarter][half][lane]; a component is one of the lane's four rows and holds
// four inputs: 4q..4q+3 of the step (half 0) or 16+4q..16+4q+3 (half 1), lowest byte first.

const UNIT: f32 = 1.0;

fn begin_step(tile: u32, step: u32, lane: u32) { load_scales(tile, step, lane); }

fn signed_bytes(w: vec4u, shift: u32) -> vec4f { return vec4f(bitcast<vec4i>(w << vec4u(24 - shift)) >> vec4u(24)); }

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let base = ((tile * p.steps + step) * 8 + q * 2) * LANES + lane;
  let a = weights[base];
  let b = weights[base + LANES];
  return Quarter(signed_bytes(a, 0), signed_bytes(a, 8), signed_bytes(a, 16), signed_bytes(a, 24),
                 signed_bytes(b, 0), signed_bytes(b, 8), signed_bytes(b, 16), signed_bytes(b, 24));
}
