// Floats. weights: vec4<u32> [tile][step][quarter][input 0..7][lane]; a component is one of the lane's four rows; inputs 0 to 3 are
// 4q..4q+3 of the step, 4 to 7 are 16+4q..16+4q+3.

fn begin_step(tile: u32, step: u32, lane: u32) {}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let base = ((tile * p.steps + step) * 32 + q * 8) * LANES + lane;
  return Quarter(bitcast<vec4f>(weights[base]), bitcast<vec4f>(weights[base + LANES]),
                 bitcast<vec4f>(weights[base + LANES * 2]), bitcast<vec4f>(weights[base + LANES * 3]),
                 bitcast<vec4f>(weights[base + LANES * 4]), bitcast<vec4f>(weights[base + LANES * 5]),
                 bitcast<vec4f>(weights[base + LANES * 6]), bitcast<vec4f>(weights[base + LANES * 7]));
}
