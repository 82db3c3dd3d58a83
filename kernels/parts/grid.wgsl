// Undoes the folding of one-dimensional grids above 65,535 workgroups. Workgroups past the end must return.
fn flat_group(group: vec3u, groups: vec3u) -> u32 { return group.y * groups.x + group.x; }
