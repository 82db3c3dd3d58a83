// matmul_int8_vec: y[t, n] (+)= scale[n] (input_scale[t] sum_k code[t, k] W[n, k] + sum_outliers x[t, k] W[n, k]) + bias[n], for few tokens
//   LLM.int8(): Dettmers et al., arXiv 2208.07339. Inputs are bytes with a scale a token, but for outliers, which are as they were.
//
//   weights, scales            int8 W [rows, cols], parts/weights_q8.wgsl; symmetric, GROUP >= 32         in
//   codes, input_scales, outliers   of int8_inputs.wgsl                                                   in
//   x          IN   [tokens, cols]: read for outliers alone                                               in
//   bias       f32  [out_offset + rows], padded to 4; read only if BIAS                                   in
//   y          OUT  [tokens, out_stride] from column out_offset; added to if ADD                          in, out
//
// Grid: (tile, token). A workgroup owns a tile of LANES * 4 rows of one token; a lane owns four rows and walks all inputs.
// Tails: codes past cols are 0; rows past p.rows are not written. Sums of a step in i32 (exact), of steps in f32.

struct Params { tokens: u32, cols: u32, steps: u32, rows: u32, out_offset: u32, out_stride: u32 }

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> scales: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> codes: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> input_scales: array<f32>;
@group(0) @binding(4) var<storage, read> outliers: array<u32>;
@group(0) @binding(5) var<storage, read> x: array<IN4>;
@group(0) @binding(6) var<storage, read> bias: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<OUT4>;
@group(0) @binding(8) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = group.x;
  let token = group.y;
  let input_scale = input_scales[token];
  var sum = vec4f(0.0);
  for (var step = 0u; step < p.steps; step++) {
    load_scales(tile, step, lane);
    let low = codes[(token * p.steps + step) * 2];
    let high = codes[(token * p.steps + step) * 2 + 1];
    var whole = vec4i(0);
    for (var q = 0u; q < 4; q++) {
      whole += products(weight_words(tile, step, q, 0, lane), low[q]);
      whole += products(weight_words(tile, step, q, 1, lane), high[q]);
    }
    var part = vec4f(whole) * input_scale;
    let bits = outliers[token / 8 * p.steps + step];
    if (bits != 0) { part += outlier_sum(token, tile, step, lane, bits); }
    sum += scale_low * part;
  }
  let row4 = tile * LANES + lane;
  if (row4 * 4 >= p.rows) { return; }
  put_rows(token, row4, sum + bias_of(row4));
}
