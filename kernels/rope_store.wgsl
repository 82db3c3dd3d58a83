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
// Grid: (head of HEADS + 2 KV_HEADS, token). A lane owns chunks of CHUNK dimensions. HEAD_DIM and rope_dim are multiples of 16.

struct Params { tokens: u32, rope_dim: u32, query_scale: f32, eps: f32 }

@group(0) @binding(0) var<storage, read> angles: array<vec4f>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> q_norm: array<vec4f>;
@group(0) @binding(3) var<storage, read> k_norm: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> qkv: array<IN4>;
@group(0) @binding(5) var<storage, read_write> keys: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> values: array<vec4<u32>>;
@group(0) @binding(7) var<uniform> p: Params;

const VECTORS_PER_CHUNK: u32 = CHUNK / 4;
const VECTORS_PER_HEAD: u32 = HEAD_DIM / 4;
// Chunks a lane may own; all are read before any is written, because a rotation needs its partner's old value.
const OWNED: u32 = (CHUNKS + LANES - 1) / LANES;

var<private> inverse_rms: f32;

fn normed(at: u32, i: u32, query: bool) -> vec4f {
  let v = vec4f(qkv[at + i]);
  if (NORM) { return v * inverse_rms * select(k_norm[i], q_norm[i], query); }
  return v;
}

fn rotated(at: u32, i: u32, token: u32, query: bool) -> vec4f {
  let v = normed(at, i, query);
  let half = p.rope_dim / 8;
  if (!ROPE || i >= half * 2) { return v; }
  let angle = token * half * 2 + i % half;
  let cosine = angles[angle];
  let sine = angles[angle + half];
  if (i < half) { return v * cosine - normed(at, i + half, query) * sine; }
  return v * cosine + normed(at, i - half, query) * sine;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  let head = group.x;
  let token = group.y;
  let query = head < HEADS;
  let value = head >= HEADS + KV_HEADS;
  let at = (token * (HEADS + 2 * KV_HEADS) + head) * VECTORS_PER_HEAD;
  if (NORM) {
    var squares = 0.0;
    for (var i = lane; i < VECTORS_PER_HEAD; i += LANES) {
      let v = vec4f(qkv[at + i]);
      squares += dot(v, v);
    }
    inverse_rms = inverseSqrt(lane_sum(squares) / f32(HEAD_DIM) + p.eps);
  }
  _ = &angles;
  _ = &q_norm;
  _ = &k_norm;
  var own: array<Chunk, OWNED>;
  for (var o = 0u; o < OWNED; o++) {
    let first = min(lane + o * LANES, CHUNKS - 1) * VECTORS_PER_CHUNK;
    if (value) { own[o].low = vec4f(qkv[at + first]); } else { own[o].low = rotated(at, first, token, query); }
    if (VECTORS_PER_CHUNK == 2) {
      if (value) { own[o].high = vec4f(qkv[at + first + 1]); } else { own[o].high = rotated(at, first + 1, token, query); }
    }
  }
  storageBarrier();
  let slot = slots[token];
  for (var o = 0u; o < OWNED; o++) {
    let chunk = lane + o * LANES;
    if (chunk >= CHUNKS) { continue; }
    if (query) {
      qkv[at + chunk * VECTORS_PER_CHUNK] = IN4(own[o].low * p.query_scale);
      if (VECTORS_PER_CHUNK == 2) { qkv[at + chunk * VECTORS_PER_CHUNK + 1] = IN4(own[o].high * p.query_scale); }
    } else if (value) {
      values[value_at(slot / BLOCK, head - HEADS - KV_HEADS, chunk, slot % BLOCK)] = pack_chunk(own[o]);
    } else {
      keys[key_at(slot / BLOCK, head - HEADS, chunk, slot % BLOCK)] = pack_chunk(own[o]);
    }
  }
}
