// attention: out[t, h] = sum_j softmax_j(q[t, h] . k[j]) v[j] over the keys j that token t may see, through block tables
//   FlashAttention (Dao et al., arXiv 2205.14135): keys are walked once, with a running maximum and sum;
//   PagedAttention (Kwon et al., arXiv 2309.06180): keys and values are found through the sequence's block table;
//   ALiBi (Press et al., arXiv 2108.12409): slope[h] * (j - position[t]) is added to a score, if ALIBI.
//
//   qkv        IN     [tokens, (HEADS + 2 KV_HEADS) * HEAD_DIM]: the scaled queries of rope_store     in
//   keys, values      the layer's cache, parts/kv_layout.wgsl                                         in
//   tables     u32    blocks of each sequence, one after the other                                    in
//   tiles      u32    8 words a tile: first token, tokens, first key (a multiple of 16), key end, start of the block table,
//                     part index, position of the first token, unused                                 in
//   slopes     f32    [HEADS]; unused if !ALIBI                                                       in
//   out        OUT    [tokens, HEADS * HEAD_DIM], or if PARTIAL f32 [parts, ROWS of HEADS, HEAD_DIM + 4]:
//                     unnormalised sums, then maximum and sum of exponentials; attention_combine joins them   out
//
// Grid: (group of HEADS_PER_TILE heads that share a key/value head, tile). A workgroup owns QUERY_TOKENS consecutive tokens of one
// sequence times HEADS_PER_TILE heads: its rows. Scoring, a lane owns a key; summing, chunks of dimensions.
// A token sees keys j <= position, and j > position - window if window > 0. Scores and sums in f32; masked scores weigh 0.

struct Params { window: u32 }

@group(0) @binding(0) var<storage, read> qkv: array<IN4>;
@group(0) @binding(1) var<storage, read> keys: array<KvWord>;
@group(0) @binding(2) var<storage, read> values: array<KvWord>;
@group(0) @binding(3) var<storage, read> tables: array<u32>;
@group(0) @binding(4) var<storage, read> tiles: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> slopes: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<OUT4>;
@group(0) @binding(7) var<uniform> p: Params;

const ROWS: u32 = QUERY_TOKENS * HEADS_PER_TILE;
const QUERY_VECTORS: u32 = HEAD_DIM / 4;
const QUERY_SLOTS: u32 = (QUERY_VECTORS + LANES - 1) / LANES;
const OWNED: u32 = (CHUNKS + LANES - 1) / LANES;
const LOWEST: f32 = -1e30;

// Chunks whose query values one vec4 a lane holds.
const SLOT_CHUNKS: u32 = LANES * 4 / CHUNK;

var<private> queries: array<vec4f, ROWS * QUERY_SLOTS>;
var<private> maxima: array<f32, ROWS>;
var<private> totals: array<f32, ROWS>;
var<private> sums_low: array<vec4f, ROWS * OWNED>;
var<private> sums_high: array<vec4f, ROWS * OWNED>;

fn load_queries(first_token: u32, count: u32, first_head: u32, lane: u32) {
  for (var r = 0u; r < ROWS; r++) {
    let token = first_token + min(r / HEADS_PER_TILE, count - 1);
    let head = first_head + r % HEADS_PER_TILE;
    let at = (token * (HEADS + 2 * KV_HEADS) + head) * QUERY_VECTORS;
    for (var slot = 0u; slot < QUERY_SLOTS; slot++) {
      queries[r * QUERY_SLOTS + slot] = vec4f(qkv[at + min(slot * LANES + lane, QUERY_VECTORS - 1)]);
    }
  }
}

// This lane's key against every row. One slot of the queries is staged at a time: an index into staged values that changes inside the
// inner loop would be a chain of selects over all of them.
fn score(block: u32, kv_head: u32, place: u32) -> array<f32, ROWS> {
  var scores: array<f32, ROWS>;
  var scales = vec2f(1.0);
  if (SCALE_WORDS > 0) { scales = unpack_scales(keys[scales_at(block, kv_head, place)]); }
  for (var slot = 0u; slot < QUERY_SLOTS; slot++) {
    for (var r = 0u; r < ROWS; r++) { stage(r, queries[r * QUERY_SLOTS + slot]); }
    stage_ready();
    for (var c = 0u; c < min(SLOT_CHUNKS, CHUNKS - slot * SLOT_CHUNKS); c++) {
      let chunk = slot * SLOT_CHUNKS + c;
      let k = unpack_chunk(keys[key_at(block, kv_head, chunk, place)], scale_of(scales, chunk));
      for (var r = 0u; r < ROWS; r++) {
        scores[r] += dot(k.low, spread(r, c * (CHUNK / 4)));
        if (CHUNK == 8) { scores[r] += dot(k.high, spread(r, c * 2 + 1)); }
      }
    }
    stage_done();
  }
  return scores;
}

fn weigh(scores: array<f32, ROWS>, key: u32, key_end: u32, position: u32, first_head: u32, count: u32) {
  for (var r = 0u; r < ROWS; r++) {
    let own_position = position + min(r / HEADS_PER_TILE, count - 1);
    let seen = key < key_end && key <= own_position && (p.window == 0 || key + p.window > own_position);
    var s = scores[r];
    if (ALIBI) { s += slopes[first_head + r % HEADS_PER_TILE] * (f32(key) - f32(own_position)); }
    let best = max(maxima[r], lane_max(select(LOWEST, s, seen)));
    let shrink = exp(maxima[r] - best);
    let weight = select(0.0, exp(s - best), seen);
    maxima[r] = best;
    totals[r] = totals[r] * shrink + weight;
    for (var o = 0u; o < OWNED; o++) {
      sums_low[r * OWNED + o] *= shrink;
      sums_high[r * OWNED + o] *= shrink;
    }
    stage_scalar(r, weight);
  }
}

fn add_values(first_key: u32, key_end: u32, table: u32, kv_head: u32, lane: u32) {
  // A step of keys begins on a multiple of LANES, so on a block's border wherever a block is not wider than that.
  var block = tables[table + first_key / BLOCK];
  for (var j = 0u; j < LANES; j++) {
    let key = min(first_key + j, key_end - 1);
    if (j > 0 && j % BLOCK == 0) { block = tables[table + key / BLOCK]; }
    var scales = vec2f(1.0);
    if (SCALE_WORDS > 0) { scales = unpack_scales(values[scales_at(block, kv_head, key % BLOCK)]); }
    for (var o = 0u; o < OWNED; o++) {
      let chunk = min(lane + o * LANES, CHUNKS - 1);
      let v = unpack_chunk(values[value_at(block, kv_head, chunk, key % BLOCK)], scale_of(scales, chunk));
      for (var r = 0u; r < ROWS; r++) {
        let weight = spread_scalar(r, j);
        sums_low[r * OWNED + o] += weight * v.low;
        if (CHUNK == 8) { sums_high[r * OWNED + o] += weight * v.high; }
      }
    }
  }
}

fn write_row(row_at: u32, r: u32, factor: f32, lane: u32) {
  for (var o = 0u; o < OWNED; o++) {
    let chunk = lane + o * LANES;
    if (chunk >= CHUNKS) { continue; }
    let at = row_at + chunk * (CHUNK / 4);
    out[at] = OUT4(sums_low[r * OWNED + o] * factor);
    if (CHUNK == 8) { out[at + 1] = OUT4(sums_high[r * OWNED + o] * factor); }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  enter(lane);
  _ = &slopes;
  let first_head = group.x * HEADS_PER_TILE;
  let kv_head = first_head / (HEADS / KV_HEADS);
  let span = tiles[group.y * 2];
  let place = tiles[group.y * 2 + 1];
  let key_end = span.w;
  load_queries(span.x, span.y, first_head, lane);
  for (var r = 0u; r < ROWS; r++) { maxima[r] = LOWEST; }
  for (var first_key = span.z; first_key < key_end; first_key += LANES) {
    let key = first_key + lane;
    let clamped = min(key, key_end - 1);
    let scores = score(tables[place.x + clamped / BLOCK], kv_head, clamped % BLOCK);
    weigh(scores, key, key_end, place.z, first_head, span.y);
    stage_ready();
    add_values(first_key, key_end, place.x, kv_head, lane);
    stage_done();
  }
  for (var r = 0u; r < ROWS; r++) {
    let total = lane_sum(totals[r]);
    let t = r / HEADS_PER_TILE;
    let head = first_head + r % HEADS_PER_TILE;
    if (t >= span.y) { continue; }
    if (PARTIAL) {
      let row_at = ((place.y + t) * HEADS + head) * (QUERY_VECTORS + 1);
      write_row(row_at, r, 1.0, lane);
      if (lane == 0) { out[row_at + QUERY_VECTORS] = OUT4(vec4f(maxima[r], total, 0.0, 0.0)); }
    } else {
      write_row(((span.x + t) * HEADS + head) * QUERY_VECTORS, r, 1.0 / total, lane);
    }
  }
}
