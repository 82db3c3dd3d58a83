// matmul_int8_tiled: y[t, n] (+)= scale[n] (input_scale[t] sum_k code[t, k] W[n, k] + sum_outliers x[t, k] W[n, k]) + bias[n], for many tokens
//   LLM.int8(): Dettmers et al., arXiv 2208.07339. Bindings as in matmul_int8_vec.wgsl.
//
// Grid: (tile, block of OCTETS * 8 tokens). A lane owns four rows of the tile and all tokens of the block: OCTETS * 8 vec4 sums in
// registers. A step's weights are read once and used for every token.
// Tails: codes past cols are 0; tokens past p.tokens read the last token and are not written; rows likewise. Sums of a step in i32
// (exact), of steps in f32.

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
  let first = group.y * OCTETS * 8;
  var sums: array<vec4f, OCTETS * 8>;
  for (var step = 0u; step < p.steps; step++) {
    load_scales(tile, step, lane);
    var w: array<vec4u, 8>;
    for (var i = 0u; i < 8; i++) { w[i] = weight_words(tile, step, i / 2, i & 1, lane); }
    for (var o = 0u; o < OCTETS; o++) {
      // Blocks past the end have no outliers of their own.
      let bits = select(0u, outliers[min(first / 8 + o, (p.tokens - 1) / 8) * p.steps + step], first + o * 8 < p.tokens);
      for (var t = 0u; t < 8; t++) {
        let token = min(first + o * 8 + t, p.tokens - 1);
        let low = codes[(token * p.steps + step) * 2];
        let high = codes[(token * p.steps + step) * 2 + 1];
        let whole = products(w[0], low.x) + products(w[1], high.x) + products(w[2], low.y) + products(w[3], high.y)
                  + products(w[4], low.z) + products(w[5], high.z) + products(w[6], low.w) + products(w[7], high.w);
        var part = vec4f(whole) * input_scales[token];
        if (bits != 0) { part += outlier_sum(token, tile, step, lane, bits); }
        sums[o * 8 + t] += scale_low * part;
      }
    }
  }
  let row4 = tile * LANES + lane;
  if (row4 * 4 >= p.rows) { return; }
  let shift = bias_of(row4);
  for (var t = 0u; t < OCTETS * 8; t++) {
    if (first + t < p.tokens) { put_rows(first + t, row4, sums[t] + shift); }
  }
}
