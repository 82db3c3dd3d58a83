// Keys and values as pairs of half floats: a chunk (one vec4<u32>) is eight dimensions. Needs no shader-f16.
alias KvWord = vec4<u32>;
const CHUNK: u32 = 8;
const SCALE_WORDS: u32 = 0;
struct Chunk { low: vec4f, high: vec4f }

fn unpack_chunk(w: KvWord, scale: f32) -> Chunk {
  return Chunk(vec4f(unpack2x16float(w.x), unpack2x16float(w.y)), vec4f(unpack2x16float(w.z), unpack2x16float(w.w)));
}

fn pack_chunk(c: Chunk, scale: f32) -> KvWord {
  let low = clamp(c.low, vec4f(-65504.0), vec4f(65504.0));
  let high = clamp(c.high, vec4f(-65504.0), vec4f(65504.0));
  return vec4u(pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw));
}

fn unpack_scales(w: KvWord) -> vec2f { return vec2f(1.0); }
fn pack_scales(scales: vec2f) -> KvWord { return vec4u(0); }
