// layer_norm: y[t, i] = (x[t, i] - mean) / sqrt(variance + eps) * w[i] + b[i]          Ba, Kiros & Hinton, arXiv 1607.06450
//
//   x  f32  [tokens, dim], dim a multiple of 4    in
//   w  f32  [dim]                                 in
//   b  f32  [dim]                                 in
//   y  OUT  [tokens, dim]                         out; may not alias x
//
// Grid: one workgroup a token; a lane takes every LANES-th vec4. The variance is summed around the mean in a second pass, so large
// offsets lose nothing. Sums in f32. A constant row gives b.

struct Params { tokens: u32, dim: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<OUT4>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let token = flat_group(group, groups);
  if (token >= p.tokens) { return; }
  let chunks = p.dim / 4;
  let row = token * chunks;
  var sum = 0.0;
  for (var i = lane; i < chunks; i += LANES) { sum += dot(x[row + i], vec4f(1.0)); }
  let mean = lane_sum(sum) / f32(p.dim);
  var squares = 0.0;
  for (var i = lane; i < chunks; i += LANES) {
    let d = x[row + i] - mean;
    squares += dot(d, d);
  }
  let scale = inverseSqrt(lane_sum(squares) / f32(p.dim) + p.eps);
  for (var i = lane; i < chunks; i += LANES) {
    y[row + i] = OUT4((x[row + i] - mean) * scale * w[i] + b[i]);
  }
}
