// multiply_add: out[i] = sum of s after `rounds` times eight s = s * factor + shift: multiply-adds in registers, no memory
//
//   x    NUMBER  [LANES, 16]: where each lane's sixteen sums begin        in
//   out  f32     [groups * LANES]                                         out
//
// Grid: one workgroup of LANES invocations a group. Sixteen chains, so that none waits for another's result.
// Arithmetic in NUMBER (f32 or f16), the parameters rounded to it.

struct Params { groups: u32, rounds: u32, factor: f32, shift: f32 }

@group(0) @binding(0) var<storage, read> x: array<NUMBER4>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let own = flat_group(group, groups);
  if (own >= p.groups) { return; }
  var a = x[lane * 4];
  var b = x[lane * 4 + 1];
  var c = x[lane * 4 + 2];
  var d = x[lane * 4 + 3];
  let factor = NUMBER4(NUMBER(p.factor));
  let shift = NUMBER4(NUMBER(p.shift));
  for (var round = 0u; round < p.rounds; round++) {
    for (var i = 0; i < 8; i++) {
      a = a * factor + shift;
      b = b * factor + shift;
      c = c * factor + shift;
      d = d * factor + shift;
    }
  }
  let sum = (a + b) + (c + d);
  out[own * LANES + lane] = f32((sum.x + sum.y) + (sum.z + sum.w));
}
