// rope_store: normalises, rotates and stores what a layer's projection made of each token
//   queries  q' = rope(norm(q)) * query_scale, in place
//   keys     rope(norm(k)) into the key cache
//   values   v into the value cache
// rope rotates dimensions (i, i + rope_dim / 2) by angle[t, i]: Su et al., arXiv 2104.09864, in split halves.
// norm is the RMS norm over a head with its own weights, if NORM (Qwen3, Gemma 3).
//
//   angles  f32  [tokens, rope_dim]: rope_dim / 2 cosines, then sines; unused if !ROPE         in
//   slots   u32  [tokens]: block * 16 + place in the block                                     in
//   q_norm, k_norm  f32  [HEAD_DIM]; unused if !NORM                                           in
//   qkv     IN   [tokens, (HEADS + 2 KV_HEADS) * HEAD_DIM]                                     in, out
//   keys, values  the layer's cache, parts/kv_layout.wgsl                                      out
//
// Grid: (head of HEADS + 2 KV_HEADS, token). A lane owns every LANES-th chunk of CHUNK dimensions, with it the chunk that it turns
// with: nobody else reads what it overwrites. Types with scales find a head's largest magnitudes first. HEAD_DIM and rope_dim are multiples of 16. Computed in f32.

struct Params { tokens: u32, rope_dim: u32, query_scale: f32, eps: f32 }

@group(0) @binding(0) var<storage, read> angles: array<vec4f>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> q_norm: array<vec4f>;
@group(0) @binding(3) var<storage, read> k_norm: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> qkv: array<IN4>;
@group(0) @binding(5) var<storage, read_write> keys: array<KvWord>;
@group(0) @binding(6) var<storage, read_write> values: array<KvWord>;
@group(0) @binding(7) var<uniform> p: Params;

const VECTORS_PER_CHUNK: u32 = CHUNK / 4;
const VECTORS_PER_HEAD: u32 = HEAD_DIM / 4;

fn read_chunk(at: u32, chunk: u32) -> Chunk {
  let first = at + chunk * VECTORS_PER_CHUNK;
  if (CHUNK == 4) { return Chunk(vec4f(qkv[first]), vec4f(0.0)); }
  return Chunk(vec4f(qkv[first]), vec4f(qkv[first + 1]));
}

fn normed(c: Chunk, chunk: u32, inverse_rms: f32, query: bool) -> Chunk {
  if (!NORM) { return c; }
  let first = chunk * VECTORS_PER_CHUNK;
  let low = c.low * inverse_rms * select(k_norm[first], q_norm[first], query);
  if (CHUNK == 4) { return Chunk(low, vec4f(0.0)); }
  return Chunk(low, c.high * inverse_rms * select(k_norm[first + 1], q_norm[first + 1], query));
}

fn read_angles(vector: u32) -> Chunk {
  if (CHUNK == 4) { return Chunk(angles[vector], vec4f(0.0)); }
  return Chunk(angles[vector], angles[vector + 1]);
}

fn put(at: u32, head: u32, chunk: u32, slot: u32, scales: vec2f, c: Chunk) {
  let scale = scale_of(scales, chunk);
  if (head < HEADS) {
    let first = at + chunk * VECTORS_PER_CHUNK;
    qkv[first] = IN4(c.low * p.query_scale);
    if (CHUNK == 8) { qkv[first + 1] = IN4(c.high * p.query_scale); }
  } else if (head < HEADS + KV_HEADS) {
    keys[key_at(slot / BLOCK, head - HEADS, chunk, slot % BLOCK)] = pack_chunk(c, scale);
  } else {
    values[value_at(slot / BLOCK, head - HEADS - KV_HEADS, chunk, slot % BLOCK)] = pack_chunk(c, scale);
  }
}

fn put_scales(head: u32, slot: u32, scales: vec2f) {
  if (head < HEADS + KV_HEADS) {
    keys[scales_at(slot / BLOCK, head - HEADS, slot % BLOCK)] = pack_scales(scales);
  } else {
    values[scales_at(slot / BLOCK, head - HEADS - KV_HEADS, slot % BLOCK)] = pack_scales(scales);
  }
}

fn inverse_rms_of(at: u32, lane: u32) -> f32 {
  var squares = 0.0;
  for (var i = lane; i < VECTORS_PER_HEAD; i += LANES) {
    let v = vec4f(qkv[at + i]);
    squares += dot(v, v);
  }
  return inverseSqrt(lane_sum(squares) / f32(HEAD_DIM) + p.eps);
}

// Two chunks that turn with each other; where none turns, `second` is `first`.
struct Turned { first: Chunk, second: Chunk }

struct Head { at: u32, token: u32, query: bool, value: bool, half: u32, inverse_rms: f32 }

fn turned(h: Head, chunk: u32) -> Turned {
  let other = select(chunk, chunk + h.half, chunk < h.half);
  var a = read_chunk(h.at, chunk);
  var b = read_chunk(h.at, other);
  if (!h.value) {
    a = normed(a, chunk, h.inverse_rms, h.query);
    b = normed(b, other, h.inverse_rms, h.query);
  }
  if (chunk >= h.half) { return Turned(a, b); }
  let angle = (h.token * h.half * 2 + chunk) * VECTORS_PER_CHUNK;
  let cosine = read_angles(angle);
  let sine = read_angles(angle + h.half * VECTORS_PER_CHUNK);
  return Turned(Chunk(a.low * cosine.low - b.low * sine.low, a.high * cosine.high - b.high * sine.high),
                Chunk(b.low * cosine.low + a.low * sine.low, b.high * cosine.high + a.high * sine.high));
}

fn largest(c: Chunk) -> f32 {
  let v = max(abs(c.low), abs(c.high));
  return max(max(v.x, v.y), max(v.z, v.w));
}

// The largest magnitude in each half of a head.
fn scales_of(h: Head, lane: u32) -> vec2f {
  var most = vec2f(0.0);
  for (var chunk = lane; chunk < CHUNKS; chunk += LANES) {
    if (chunk >= h.half && chunk < h.half * 2) { continue; }
    let t = turned(h, chunk);
    let a = largest(t.first);
    let b = largest(t.second);
    let other = select(chunk, chunk + h.half, chunk < h.half);
    most = max(most, select(vec2f(0.0, a), vec2f(a, 0.0), chunk < CHUNKS / 2));
    most = max(most, select(vec2f(0.0, b), vec2f(b, 0.0), other < CHUNKS / 2));
  }
  return vec2f(lane_max(most.x), lane_max(most.y));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  _ = &angles;
  _ = &q_norm;
  _ = &k_norm;
  let head = group.x;
  let token = group.y;
  var h: Head;
  h.token = token;
  h.query = head < HEADS;
  h.value = head >= HEADS + KV_HEADS;
  h.at = (token * (HEADS + 2 * KV_HEADS) + head) * VECTORS_PER_HEAD;
  h.inverse_rms = 1.0;
  h.half = select(0u, p.rope_dim / 2 / CHUNK, ROPE && !h.value);
  let slot = slots[token];
  if (NORM) {
    h.inverse_rms = inverse_rms_of(h.at, lane);
    // Every lane has read the head before one writes to it.
    storageBarrier();
  }
  var scales = vec2f(1.0);
  if (SCALE_WORDS > 0 && head >= HEADS) {
    scales = scales_of(h, lane);
    if (lane == 0) { put_scales(head, slot, scales); }
  }
  for (var chunk = lane; chunk < CHUNKS; chunk += LANES) {
    // The second half of the rotated dimensions goes with the first.
    if (chunk >= h.half && chunk < h.half * 2) { continue; }
    let t = turned(h, chunk);
    put(h.at, head, chunk, slot, scales, t.first);
    if (chunk < h.half) { put(h.at, head, chunk + h.half, slot, scales, t.second); }
  }
}
