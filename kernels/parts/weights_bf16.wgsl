// bfloat16: the upper half of an f32. weights: vec4<u32> [tile][step][quarter][pair][lane]; a component is one of the lane's
// four rows and holds two inputs: pairs 0 and 1 are 4q..4q+3 of the step, pairs 2 and 3 are 16+4q..16+4q+3.

fn begin_step(tile: u32, step: u32, lane: u32) {}

struct TwoInputs { first: vec4f, second: vec4f }

fn two_inputs(w: vec4u) -> TwoInputs {
  return TwoInputs(bitcast<vec4f>(w << vec4u(16)), bitcast<vec4f>(w & vec4u(0xffff0000)));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let base = ((tile * p.steps + step) * 16 + q * 4) * LANES + lane;
  let a = two_inputs(weights[base]);
  let b = two_inputs(weights[base + LANES]);
  let c = two_inputs(weights[base + LANES * 2]);
  let d = two_inputs(weights[base + LANES * 3]);
  return Quarter(a.first, a.second, b.first, b.second, c.first, c.second, d.first, d.second);
}
