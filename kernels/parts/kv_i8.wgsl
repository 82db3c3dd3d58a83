// Keys and values as signed bytes: a chunk (one vec2<u32>) is eight dimensions, value = scale * byte / 127. Each half of a head has a
// scale of its own, its largest magnitude; the two of a token lie together as one word, 16 words behind a block's chunks.
alias KvWord = vec2<u32>;
const CHUNK: u32 = 8;
const SCALE_WORDS: u32 = 16;
struct Chunk { low: vec4f, high: vec4f }

fn unpack_chunk(w: KvWord, scale: f32) -> Chunk { return Chunk(unpack4x8snorm(w.x) * scale, unpack4x8snorm(w.y) * scale); }

fn pack_chunk(c: Chunk, scale: f32) -> KvWord {
  let inverse = select(0.0, 1.0 / scale, scale > 0.0);
  return vec2u(pack4x8snorm(c.low * inverse), pack4x8snorm(c.high * inverse));
}

fn unpack_scales(w: KvWord) -> vec2f { return bitcast<vec2f>(w); }
fn pack_scales(scales: vec2f) -> KvWord { return bitcast<vec2u>(scales); }
