// Products of int8 weights, packed as in weights_q8.wgsl, and int8 inputs, as int8_inputs.wgsl makes them.

// Codes are the weights of their scale, and symmetric.
const UNIT: f32 = 1.0;
const MINIMUM = false;
const ZERO = false;

fn weight_words(tile: u32, step: u32, q: u32, half: u32, lane: u32) -> vec4u {
  return weights[((tile * p.steps + step) * 8 + q * 2 + half) * LANES + lane];
}

// Four inputs of the lane's four rows.
fn products(w: vec4u, inputs: u32) -> vec4i {
  return vec4i(dot4I8Packed(w.x, inputs), dot4I8Packed(w.y, inputs), dot4I8Packed(w.z, inputs), dot4I8Packed(w.w, inputs));
}

// What the outliers of a step add, in units of the weights' scale: inputs as they are, times codes.
fn outlier_sum(token: u32, tile: u32, step: u32, lane: u32, bits: u32) -> vec4f {
  var sum = vec4f(0.0);
  for (var left = bits; left != 0; left &= left - 1) {
    let input = firstTrailingBit(left);
    let w = weight_words(tile, step, (input & 15) / 4, input / 16, lane);
    let code = vec4f(bitcast<vec4i>(w << vec4u(24 - (input & 3) * 8)) >> vec4u(24));
    sum += code * f32(x[(token * p.cols + step * 32 + input) / 4][input & 3]);
  }
  return sum;
}
