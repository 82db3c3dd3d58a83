// stream_copy: y[i] = x[i]: memory read and written in one stream each
//
//   x    u32  [count, 4]    in
//   y    u32  [count, 4]    out; may not alias x
//
// Grid: one workgroup a run of consecutive vec4s; a lane takes every LANES-th of them, four on their way at a time.

struct Params { count: u32, run: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let own = flat_group(group, groups);
  // Compared by groups: own * run may pass 32 bits in the workgroups that fill up a folded grid.
  if (own >= (p.count + p.run - 1) / p.run) { return; }
  let end = min(own * p.run + p.run, p.count);
  var i = own * p.run + lane;
  for (; i + 3 * LANES < end; i += 4 * LANES) {
    let a = x[i];
    let b = x[i + LANES];
    let c = x[i + 2 * LANES];
    let d = x[i + 3 * LANES];
    y[i] = a;
    y[i + LANES] = b;
    y[i + 2 * LANES] = c;
    y[i + 3 * LANES] = d;
  }
  for (; i < end; i += LANES) { y[i] = x[i]; }
}
