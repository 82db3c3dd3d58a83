// Keys and values as floats: a chunk (one vec4<u32>) is four dimensions; `high` stays zero.
alias KvWord = vec4<u32>;
const CHUNK: u32 = 4;
const SCALE_WORDS: u32 = 0;
struct Chunk { low: vec4f, high: vec4f }

fn unpack_chunk(w: KvWord, scale: f32) -> Chunk { return Chunk(bitcast<vec4f>(w), vec4f(0.0)); }
fn pack_chunk(c: Chunk, scale: f32) -> KvWord { return bitcast<vec4u>(c.low); }

fn unpack_scales(w: KvWord) -> vec2f { return vec2f(1.0); }
fn pack_scales(scales: vec2f) -> KvWord { return vec4u(0); }
