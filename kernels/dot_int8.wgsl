// dot_int8: out[i] = sum of s after `rounds` times eight s += dot of the four signed bytes of s with those of `factor`
//   in 32-bit integers that wrap: products of bytes in registers (dot4I8Packed), no memory
//
//   x    i32  [LANES, 16]: where each lane's sixteen sums begin        in
//   out  i32  [groups * LANES]                                         out
//
// Grid: one workgroup of LANES invocations a group. Sixteen chains, so that none waits for another's result.

struct Params { groups: u32, rounds: u32, factor: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<i32>>;
@group(0) @binding(1) var<storage, read_write> out: array<i32>;
@group(0) @binding(2) var<uniform> p: Params;

fn step(s: vec4<i32>, factor: u32) -> vec4<i32> {
  return s + vec4<i32>(dot4I8Packed(u32(s.x), factor), dot4I8Packed(u32(s.y), factor),
                       dot4I8Packed(u32(s.z), factor), dot4I8Packed(u32(s.w), factor));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let own = flat_group(group, groups);
  if (own >= p.groups) { return; }
  var a = x[lane * 4];
  var b = x[lane * 4 + 1];
  var c = x[lane * 4 + 2];
  var d = x[lane * 4 + 3];
  for (var round = 0u; round < p.rounds; round++) {
    for (var i = 0; i < 8; i++) {
      a = step(a, p.factor);
      b = step(b, p.factor);
      c = step(c, p.factor);
      d = step(d, p.factor);
    }
  }
  let sum = (a + b) + (c + d);
  out[own * LANES + lane] = (sum.x + sum.y) + (sum.z + sum.w);
}
