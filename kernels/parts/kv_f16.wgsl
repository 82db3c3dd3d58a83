// Keys and values as pairs of half floats: a chunk (one vec4<u32>) is eight dimensions. Needs no shader-f16.
const CHUNK: u32 = 8;
struct Chunk { low: vec4f, high: vec4f }

fn unpack_chunk(w: vec4u) -> Chunk {
  return Chunk(vec4f(unpack2x16float(w.x), unpack2x16float(w.y)), vec4f(unpack2x16float(w.z), unpack2x16float(w.w)));
}

fn pack_chunk(c: Chunk) -> vec4u {
  let low = clamp(c.low, vec4f(-65504.0), vec4f(65504.0));
  let high = clamp(c.high, vec4f(-65504.0), vec4f(65504.0));
  return vec4u(pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw));
}
