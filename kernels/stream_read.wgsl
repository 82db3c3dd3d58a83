// stream_read: out[i] = exclusive or of the words that invocation i reads: as much memory traffic with as little work as can be
//
//   x    u32  [count, 4]                                                  in
//   out  u32  [groups * LANES]                                            out
//
// Grid: one workgroup a run of consecutive vec4s; a lane takes every LANES-th of them, four loads on their way at a time.
// With more groups than runs the runs are read again from the first on: what a cache gives when all of x lies in it.

struct Params { count: u32, run: u32, groups: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let own = flat_group(group, groups);
  if (own >= p.groups) { return; }
  let first = (own % ((p.count + p.run - 1) / p.run)) * p.run;
  let end = min(first + p.run, p.count);
  var a = vec4u(0);
  var b = vec4u(0);
  var c = vec4u(0);
  var d = vec4u(0);
  var i = first + lane;
  for (; i + 3 * LANES < end; i += 4 * LANES) {
    a ^= x[i];
    b ^= x[i + LANES];
    c ^= x[i + 2 * LANES];
    d ^= x[i + 3 * LANES];
  }
  for (; i < end; i += LANES) { a ^= x[i]; }
  let all = (a ^ b) ^ (c ^ d);
  out[own * LANES + lane] = all.x ^ all.y ^ all.z ^ all.w;
}
