// What the matrix kernels know of packed weights [rows, cols]; a format (weights_*.wgsl) provides begin_step and quarter.
//
// Rows lie in tiles of LANES * 4, four neighbouring rows a lane; inputs in steps of 32, both padded with zeros. A quarter q of a
// step is its inputs 4q..4q+3 (a0..a3) and 16+4q..16+4q+3 (b0..b3), each a vec4 over the lane's four rows.

struct Quarter { a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f, b0: vec4f, b1: vec4f, b2: vec4f, b3: vec4f }

// A layout made from the source needs every binding used, whatever the format reads.
fn keep_bindings() {
  _ = &weights;
  _ = &scales;
  _ = &high_bits;
}
