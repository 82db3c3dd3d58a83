// matmul_tiled: y[t, n] (+)= sum_k x[t, k] * W[n, k] + bias[n], for many tokens t: prefill and batches
//
//   Bindings as in matmul_vec.wgsl.
//
// Grid: (tile, block of OCTETS * 8 tokens). A lane owns four rows of the tile and all tokens of the block: OCTETS * 8 vec4 sums in
// registers. Eight weights of four rows are unpacked at a time and used for every token; the tokens' activations are read one
// token a lane and spread.
// Tails: inputs past cols count as 0; tokens past p.tokens read the last token and are not written; rows likewise. Sums in f32.

struct Params { tokens: u32, cols: u32, steps: u32, rows: u32, out_offset: u32, out_stride: u32 }

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> scales: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> high_bits: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> x: array<IN4>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<OUT4>;
@group(0) @binding(6) var<uniform> p: Params;

fn activation(token: u32, chunk: u32) -> vec4f {
  let chunks = p.cols / 4;
  let row = min(token, p.tokens - 1) * chunks;
  return select(vec4f(0.0), vec4f(x[row + min(chunk, chunks - 1)]), chunk < chunks);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  keep_bindings();
  enter(lane);
  let tile = group.x;
  let first = group.y * OCTETS * 8;
  var sums: array<vec4f, OCTETS * 8>;
  for (var step = 0u; step < p.steps; step++) {
    begin_step(tile, step, lane);
    for (var q = 0u; q < 4; q++) {
      for (var o = 0u; o < OCTETS; o++) {
        let token = first + o * 8 + (lane & 7);
        stage(o * 2, activation(token, step * 8 + q));
        stage(o * 2 + 1, activation(token, step * 8 + q + 4));
      }
      stage_ready();
      let w = weighted(quarter(tile, step, q, lane));
      for (var o = 0u; o < OCTETS; o++) {
        for (var t = 0u; t < 8; t++) {
          let a = spread(o * 2, t);
          let b = spread(o * 2 + 1, t);
          sums[o * 8 + t] += w.a0 * a.x + w.a1 * a.y + w.a2 * a.z + w.a3 * a.w
                           + w.b0 * b.x + w.b1 * b.y + w.b2 * b.z + w.b3 * b.w;
        }
      }
      stage_done();
    }
  }
  let row4 = tile * LANES + lane;
  if (row4 * 4 >= p.rows) { return; }
  let shift = bias_of(row4);
  for (var t = 0u; t < OCTETS * 8; t++) {
    if (first + t < p.tokens) { put_rows(first + t, row4, sums[t] + shift); }
  }
}
