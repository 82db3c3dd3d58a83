// adjust_logits: penalties and biases of single tokens, in place
//   repetition (Keskar et al., arXiv 1909.05858): l = l > 0 ? l / penalty : l * penalty; then l += offset
//
//   entries  f32  [count, 4]: bits of the index into logits (u32), penalty, offset, unused; indices differ    in
//   logits   f32  [rows * stride]                                                                            in, out
//
// Grid: one invocation an entry.

struct Params { count: u32 }

@group(0) @binding(0) var<storage, read> entries: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = flat_group(group, groups) * LANES + lane;
  if (i >= p.count) { return; }
  let entry = entries[i];
  let at = bitcast<u32>(entry.x);
  let l = logits[at];
  logits[at] = select(l * entry.y, l / entry.y, l > 0.0) + entry.z;
}
