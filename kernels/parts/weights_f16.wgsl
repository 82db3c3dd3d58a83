// Half floats, read without shader-f16. weights: vec4<u32> [tile][step][quarter][pair][lane]; a component is one of the lane's
// four rows and holds two inputs: pairs 0 and 1 are 4q..4q+3 of the step, pairs 2 and 3 are 16+4q..16+4q+3.

fn begin_step(tile: u32, step: u32, lane: u32) {}

struct TwoInputs { first: vec4f, second: vec4f }

fn two_inputs(w: vec4u) -> TwoInputs {
  let a = unpack2x16float(w.x);
  let b = unpack2x16float(w.y);
  let c = unpack2x16float(w.z);
  let d = unpack2x16float(w.w);
  return TwoInputs(vec4f(a.x, b.x, c.x, d.x), vec4f(a.y, b.y, c.y, d.y));
}

fn quarter(tile: u32, step: u32, q: u32, lane: u32) -> Quarter {
  let base = ((tile * p.steps + step) * 16 + q * 4) * LANES + lane;
  let a = two_inputs(weights[base]);
  let b = two_inputs(weights[base + LANES]);
  let c = two_inputs(weights[base + LANES * 2]);
  let d = two_inputs(weights[base + LANES * 3]);
  return Quarter(a.first, a.second, b.first, b.second, c.first, c.second, d.first, d.second);
}
