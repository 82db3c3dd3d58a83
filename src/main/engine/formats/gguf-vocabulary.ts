/** Checks that the parts of a GGUF vocabulary fit together: they come from one tokenizer, or the file is damaged. */
import { figure, invalidSet, quoted } from './file-error'
import type { MetadataValue } from './weight-file'

const remedy = 'The vocabulary is damaged: download the file again, or another conversion of the model.'

/**
 * tokens, scores and token_type must be equally long; every merge must be two tokens that join to a third.
 * @throws MoruError invalid_file naming the key
 */
export function checkVocabulary(path: string, metadata: ReadonlyMap<string, MetadataValue>): void {
  const tokens = metadata.get('tokenizer.ggml.tokens')
  if (tokens === undefined) return
  if (!isStrings(tokens)) throw invalidSet(path, 'tokenizer.ggml.tokens is not a list of strings', remedy)
  for (const key of ['tokenizer.ggml.scores', 'tokenizer.ggml.token_type']) {
    const values = metadata.get(key)
    if (values === undefined) continue
    if (typeof values !== 'object') throw invalidSet(path, `${key} is not a list`, remedy)
    if (values.length !== tokens.length) {
      const problem = `${key} has ${figure(values.length)} entries for ${figure(tokens.length)} tokens`
      throw invalidSet(path, problem, remedy)
    }
  }
  const merges = metadata.get('tokenizer.ggml.merges')
  if (merges === undefined) return
  if (!isStrings(merges)) throw invalidSet(path, 'tokenizer.ggml.merges is not a list of strings', remedy)
  checkMerges(path, tokens, merges)
}

function checkMerges(path: string, tokens: string[], merges: string[]): void {
  const vocabulary = new Set(tokens)
  merges.forEach((merge, i) => {
    // The first character may itself be a space, as llama.cpp reads it.
    const space = merge.indexOf(' ', 1)
    const left = merge.slice(0, space)
    const right = merge.slice(space + 1)
    const joined = space > 0 && right !== '' && vocabulary.has(left + right)
    if (joined && vocabulary.has(left) && vocabulary.has(right)) return
    const problem = `tokenizer.ggml.merges: merge ${figure(i + 1)}, ${quoted(merge)}, does not join two tokens to a third`
    throw invalidSet(path, problem, remedy)
  })
}

function isStrings(value: MetadataValue): value is string[] {
  return Array.isArray(value) && (value.length === 0 || typeof value[0] === 'string')
}
