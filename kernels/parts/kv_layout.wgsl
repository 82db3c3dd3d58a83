// Where a chunk of dimensions lies in the paged cache of one layer, in words of the type's part (KvWord). Blocks hold 16 tokens.
//   keys    [block][kv head][chunk][token]: neighbouring lanes take neighbouring tokens when scoring
//   values  [block][kv head][token][chunk]: neighbouring lanes take neighbouring dimensions when summing
// Types with scales have SCALE_WORDS more words behind each head's chunks of a block, one a token.
const BLOCK: u32 = 16;
const CHUNKS: u32 = HEAD_DIM / CHUNK;
const SPAN: u32 = CHUNKS * BLOCK + SCALE_WORDS;

fn key_at(block: u32, kv_head: u32, chunk: u32, token: u32) -> u32 {
  return (block * KV_HEADS + kv_head) * SPAN + chunk * BLOCK + token;
}

fn value_at(block: u32, kv_head: u32, chunk: u32, token: u32) -> u32 {
  return (block * KV_HEADS + kv_head) * SPAN + token * CHUNKS + chunk;
}

fn scales_at(block: u32, kv_head: u32, token: u32) -> u32 {
  return (block * KV_HEADS + kv_head) * SPAN + CHUNKS * BLOCK + token;
}

// The scale of a chunk among those of its head's halves.
fn scale_of(scales: vec2f, chunk: u32) -> f32 { return select(scales.x, scales.y, chunk >= CHUNKS / 2); }
