// gather_columns: y[t, i] = x[t, columns[i]]: inputs in the order that a matrix was packed in (act-order, arXiv 2210.17323)
//
//   x        IN   [tokens, cols], cols a multiple of 4     in
//   columns  u32  [cols], each below cols                  in
//   y        IN   [tokens, cols]                           out; may not alias x
//
// Grid: one workgroup a token; a lane writes every LANES-th vec4.

struct Params { tokens: u32, cols: u32 }

@group(0) @binding(0) var<storage, read> x: array<IN>;
@group(0) @binding(1) var<storage, read> columns: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<IN4>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let token = flat_group(group, groups);
  if (token >= p.tokens) { return; }
  let row = token * p.cols;
  for (var i = lane; i < p.cols / 4; i += LANES) {
    let c = columns[i];
    y[row / 4 + i] = IN4(x[row + c.x], x[row + c.y], x[row + c.z], x[row + c.w]);
  }
}
