/** tokenizer.json of a byte-level vocabulary small enough for the tiny models: three control tokens, 256 bytes, a few merges. */
import { byteCharacters } from '../../../src/main/engine/tokenizer/byte-alphabet'

const byteMerges = ['t h', 'th e', 'Ġ the', 'i n', 'a n', 'Ġ a']

export function byteTokenizer(): Record<string, unknown> {
  const controls = ['<pad>', '<s>', '</s>']
  const joined = byteMerges.map((merge) => merge.replace(' ', ''))
  const vocab = Object.fromEntries([...controls, ...byteCharacters, ...joined].map((token, id) => [token, id]))
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    added_tokens: controls.map((content, id) => ({
      ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: byteMerges, ignore_merges: false },
  }
}
