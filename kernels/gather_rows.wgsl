// gather_rows: y[r, :] = x[rows[r], :]
//
//   x     f32  [tokens, dim], dim a multiple of 4    in
//   rows  u32  [count], each below tokens            in
//   y     f32  [count, dim]                          out
//
// Grid: one workgroup a row.

struct Params { count: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = flat_group(group, groups);
  if (row >= p.count) { return; }
  let chunks = p.dim / 4;
  for (var i = lane; i < chunks; i += LANES) { y[row * chunks + i] = x[rows[row] * chunks + i]; }
}
