// Where a chunk of dimensions lies in the paged cache of one layer, in vec4<u32>. Blocks hold 16 tokens.
//   keys    [block][kv head][chunk][token]: neighbouring lanes take neighbouring tokens when scoring
//   values  [block][kv head][token][chunk]: neighbouring lanes take neighbouring dimensions when summing
const BLOCK: u32 = 16;
const CHUNKS: u32 = HEAD_DIM / CHUNK;

fn key_at(block: u32, kv_head: u32, chunk: u32, token: u32) -> u32 {
  return ((block * KV_HEADS + kv_head) * CHUNKS + chunk) * BLOCK + token;
}

fn value_at(block: u32, kv_head: u32, chunk: u32, token: u32) -> u32 {
  return ((block * KV_HEADS + kv_head) * BLOCK + token) * CHUNKS + chunk;
}
