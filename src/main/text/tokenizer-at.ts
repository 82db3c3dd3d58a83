/** The tokenizer at a path, whether or not there are weights beside it. */
import { stat } from 'node:fs/promises'
import { loadTokenizer, loadTokenizerFromFolder, openModelFile, type Tokenizer } from '../engine'
import { modelPath } from '../models'

/**
 * Of a GGUF file (a vocabulary without weights is enough), of a model's folder, or of a folder that holds tokenizer.json or
 * tokenizer.model. Throws not_found, invalid_file, unsupported.
 */
export async function tokenizerAt(named: string): Promise<Tokenizer> {
  const path = await modelPath(named)
  if ((await stat(path)).isDirectory()) return (await loadTokenizerFromFolder(path)).tokenizer
  const file = await openModelFile(path)
  try {
    return (await loadTokenizer(file)).tokenizer
  } finally {
    await file.close()
  }
}
