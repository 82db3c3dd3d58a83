// activate: y[t, i] = f(x[t, i]), or f(x[t, i]) * x[t, dim + i] if GATED          Shazeer, arXiv 2002.05202
//
//   x  IN   [tokens, dim], or [tokens, 2 dim] if GATED: gates, then values; dim a multiple of 4    in
//   y  OUT  [tokens, dim]                                                                          out; may not alias x
//
// f by KIND: 0 silu, 1 gelu by tanh, 2 gelu by erf (Hendrycks & Gimpel, arXiv 1606.08415), 3 relu.
// Grid: a workgroup takes RUN times LANES neighbouring vec4 of the whole output, a lane every LANES-th of them: one alone would be less
// work than starting the group. HALF says that OUT is f16, whose range the result is kept in.

struct Params { tokens: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<IN4>;
@group(0) @binding(1) var<storage, read_write> y: array<OUT4>;
@group(0) @binding(2) var<uniform> p: Params;

const LARGEST: f32 = select(3.4e38, 65504.0, HALF);

// Abramowitz & Stegun 7.1.26: within 1.5e-7 of erf.
fn erf4(v: vec4f) -> vec4f {
  let a = abs(v);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(v) * (1.0 - poly * exp(-a * a));
}

fn apply(v: vec4f) -> vec4f {
  if (KIND == 0) { return v / (1.0 + exp(-v)); }
  // tanh overflows in some drivers far from 0, where it is 1 anyway.
  if (KIND == 1) { return 0.5 * v * (1.0 + tanh(clamp(0.7978845608 * (v + 0.044715 * v * v * v), vec4f(-15.0), vec4f(15.0)))); }
  if (KIND == 2) { return 0.5 * v * (1.0 + erf4(v * 0.7071067812)); }
  return max(v, vec4f(0.0));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let first = flat_group(group, groups) * LANES * RUN + lane;
  let chunks = p.dim / 4;
  for (var i = 0u; i < RUN; i++) {
    let at = first + i * LANES;
    if (at >= p.tokens * chunks) { return; }
    if (GATED) {
      let gate = at / chunks * chunks * 2 + at % chunks;
      y[at] = OUT4(clamp(apply(vec4f(x[gate])) * vec4f(x[gate + chunks]), vec4f(-LARGEST), vec4f(LARGEST)));
    } else {
      y[at] = OUT4(clamp(apply(vec4f(x[at])), vec4f(-LARGEST), vec4f(LARGEST)));
    }
  }
}
