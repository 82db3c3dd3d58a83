// rms_norm: y[t, i] (+)= x[t, i] * w[i] / sqrt(mean_i(x[t, i]^2) + eps)          Zhang & Sennrich, arXiv 1910.07467
//
//   x  f32  [tokens, dim], dim a multiple of 4    in
//   w  f32  [dim]                                 in
//   y  OUT  [tokens, dim]; added to if ADD        in, out; may not alias x
//
// Grid: one workgroup a token; a lane takes every LANES-th vec4. Sums in f32. A row of zeros gives zeros (eps > 0).

struct Params { tokens: u32, dim: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> w: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<OUT4>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let token = flat_group(group, groups);
  if (token >= p.tokens) { return; }
  let chunks = p.dim / 4;
  let row = token * chunks;
  var sum = 0.0;
  for (var i = lane; i < chunks; i += LANES) { sum += dot(x[row + i], x[row + i]); }
  let scale = inverseSqrt(lane_sum(sum) / f32(p.dim) + p.eps);
  for (var i = lane; i < chunks; i += LANES) {
    var v = x[row + i] * scale * w[i];
    if (ADD) { v += vec4f(y[row + i]); }
    y[row + i] = OUT4(v);
  }
}
