// Keys and values as floats: a chunk (one vec4<u32>) is four dimensions; `high` stays zero.
const CHUNK: u32 = 4;
struct Chunk { low: vec4f, high: vec4f }

fn unpack_chunk(w: vec4u) -> Chunk { return Chunk(bitcast<vec4f>(w), vec4f(0.0)); }
fn pack_chunk(c: Chunk) -> vec4u { return bitcast<vec4u>(c.low); }
