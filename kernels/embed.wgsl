// embed: y[t, :] (+)= scale * W[ids[t], :]
//
//   weights, scales, high_bits   packed W [rows, cols]: one piece of the vocabulary, from row first_row     in
//   ids   u32  [tokens]                                                                                     in
//   y     f32  [tokens, cols], cols a multiple of 4; added to if ADD                                        in, out
//
// Grid: one workgroup a token; its lanes share the quarters of the row. Tokens whose id lies in another piece are left alone.

struct Params { tokens: u32, cols: u32, steps: u32, rows: u32, first_row: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> scales: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> high_bits: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> ids: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<uniform> p: Params;

fn put(token: u32, chunk: u32, v: vec4f) {
  if (chunk * 4 >= p.cols) { return; }
  let at = token * (p.cols / 4) + chunk;
  if (ADD) { y[at] += v * p.scale; } else { y[at] = v * p.scale; }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  keep_bindings();
  let token = flat_group(group, groups);
  if (token >= p.tokens) { return; }
  let id = ids[token];
  if (id < p.first_row || id >= p.first_row + p.rows) { return; }
  let row = id - p.first_row;
  let tile = row / (LANES * 4);
  let owner = row / 4 % LANES;
  let own = row % 4;
  for (var i = lane; i < p.steps * 4; i += LANES) {
    let step = i / 4;
    let q = i % 4;
    begin_step(tile, step, owner);
    let w = weighted(quarter(tile, step, q, owner));
    put(token, step * 8 + q, vec4f(w.a0[own], w.a1[own], w.a2[own], w.a3[own]));
    put(token, step * 8 + q + 4, vec4f(w.b0[own], w.b1[own], w.b2[own], w.b3[own]));
  }
}
