// int8_inputs: rounds activations to signed bytes for products of integers, outliers left out        Dettmers et al., arXiv 2208.07339
//   input k is an outlier of a block of 8 tokens if |x[t, k]| > threshold for one of them
//   codes[t, k] = round(x[t, k] / input_scales[t]), input_scales[t] = max_k |x[t, k]| / 127, over inputs that are no outliers
//
//   x             IN   [tokens, cols], cols a multiple of 4                                              in
//   codes         u32  [tokens, steps * 8]: four signed bytes a word, 0 for outliers and past cols       out
//   input_scales  f32  [tokens]; 1 where all codes are 0                                                 out
//   outliers      u32  [ceil(tokens / 8), steps]: bit i of a word is input i of the step                 out
//
// Grid: one workgroup a block of 8 tokens; a lane owns every LANES-th step of 32 inputs, so it reads back only what it wrote.
// Computed in f32; rounds halves to even.

struct Params { tokens: u32, cols: u32, steps: u32, threshold: f32 }

@group(0) @binding(0) var<storage, read> x: array<IN4>;
@group(0) @binding(1) var<storage, read_write> codes: array<u32>;
@group(0) @binding(2) var<storage, read_write> input_scales: array<f32>;
@group(0) @binding(3) var<storage, read_write> outliers: array<u32>;
@group(0) @binding(4) var<uniform> p: Params;

const BLOCK_TOKENS: u32 = 8;

fn four_inputs(token: u32, chunk: u32) -> vec4f {
  let chunks = p.cols / 4;
  return select(vec4f(0.0), vec4f(x[token * chunks + min(chunk, chunks - 1)]), chunk < chunks);
}

fn bits_of(which: vec4<bool>) -> u32 {
  let bits = select(vec4u(0), vec4u(1, 2, 4, 8), which);
  return bits.x | bits.y | bits.z | bits.w;
}

fn outliers_of(first: u32, count: u32, step: u32) -> u32 {
  var bits = 0u;
  for (var t = 0u; t < count; t++) {
    for (var c = 0u; c < 8; c++) {
      bits |= bits_of(abs(four_inputs(first + t, step * 8 + c)) > vec4f(p.threshold)) << (c * 4);
    }
  }
  return bits;
}

// Four inputs with 0 for outliers.
fn kept(token: u32, step: u32, c: u32, bits: u32) -> vec4f {
  let out = vec4u(bits >> (c * 4)) & vec4u(1, 2, 4, 8);
  return select(vec4f(0.0), four_inputs(token, step * 8 + c), out == vec4u(0));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let block = flat_group(group, groups);
  let first = block * BLOCK_TOKENS;
  if (first >= p.tokens) { return; }
  let count = min(BLOCK_TOKENS, p.tokens - first);
  for (var step = lane; step < p.steps; step += LANES) { outliers[block * p.steps + step] = outliers_of(first, count, step); }
  for (var t = 0u; t < count; t++) {
    let token = first + t;
    var most = 0.0;
    for (var step = lane; step < p.steps; step += LANES) {
      let bits = outliers[block * p.steps + step];
      for (var c = 0u; c < 8; c++) {
        let v = abs(kept(token, step, c, bits));
        most = max(most, max(max(v.x, v.y), max(v.z, v.w)));
      }
    }
    let largest = lane_max(most);
    let scale = select(1.0, largest / 127.0, largest > 0.0);
    if (lane == 0) { input_scales[token] = scale; }
    for (var step = lane; step < p.steps; step += LANES) {
      let bits = outliers[block * p.steps + step];
      for (var c = 0u; c < 8; c++) {
        codes[(token * p.steps + step) * 8 + c] = pack4xI8Clamp(vec4i(round(kept(token, step, c, bits) / scale)));
      }
    }
  }
}
