// matmul_vec: y[t, n] (+)= sum_k x[t, k] * W[n, k] + bias[n], for few tokens t: decoding
//
//   weights    vec4<u32>, scales vec4<u32>, high_bits vec4<u32>: packed W [rows, cols], see parts/weights_*.wgsl      in
//   x          IN   [tokens, cols], cols a multiple of 4                                                             in
//   bias       f32  [out_offset + rows], padded to 4; read only if BIAS                                                         in
//   y          OUT  [tokens, out_stride] from column out_offset; added to if ADD                                     in, out
//
// Grid: (tile, token). A workgroup owns a tile of LANES * 4 rows of one token; a lane owns four rows and walks all inputs. The 32
// activations of a step are read once, one vec4 a lane, and spread to all lanes.
// Tails: inputs past cols count as 0; rows past p.rows are not written. y may not alias x. Sums in f32.

struct Params { tokens: u32, cols: u32, steps: u32, rows: u32, out_offset: u32, out_stride: u32 }

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> scales: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> high_bits: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> x: array<IN4>;
@group(0) @binding(4) var<storage, read> bias: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<OUT4>;
@group(0) @binding(6) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  keep_bindings();
  enter(lane);
  let tile = group.x;
  let token = group.y;
  let chunks = p.cols / 4;
  var sum = vec4f(0.0);
  for (var step = 0u; step < p.steps; step++) {
    let chunk = step * 8 + (lane & 7);
    stage(0, select(vec4f(0.0), vec4f(x[token * chunks + min(chunk, chunks - 1)]), chunk < chunks));
    stage_ready();
    begin_step(tile, step, lane);
    var low = vec4f(0.0);
    var high = vec4f(0.0);
    var total_low = vec4f(0.0);
    var total_high = vec4f(0.0);
    for (var q = 0u; q < 4; q++) {
      let w = quarter(tile, step, q, lane);
      let a = spread(0, q);
      let b = spread(0, q + 4);
      low += w.a0 * a.x + w.a1 * a.y + w.a2 * a.z + w.a3 * a.w;
      high += w.b0 * b.x + w.b1 * b.y + w.b2 * b.z + w.b3 * b.w;
      total_low += a;
      total_high += b;
    }
    if (SCALED) {
      let sum_low = dot(total_low, vec4f(1.0));
      let sum_high = dot(total_high, vec4f(1.0));
      if (OFFSET > 0) {
        low -= f32(OFFSET) * sum_low;
        high -= f32(OFFSET) * sum_high;
      }
      sum += scale_low * low + scale_high * high;
      if (MINIMUM) { sum += minimum_low * sum_low + minimum_high * sum_high; }
    } else {
      sum += low + high;
    }
    stage_done();
  }
  let row4 = tile * LANES + lane;
  if (row4 * 4 >= p.rows) { return; }
  put_rows(token, row4, sum + bias_of(row4));
}
