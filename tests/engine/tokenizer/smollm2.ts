import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readMetadata } from './gguf-reader'

const folder = fileURLToPath(new URL('../../../resources/models/smollm2-135m-instruct/', import.meta.url))
const firstShard = readdirSync(folder).find((name) => name.includes('-00001-of-') && name.endsWith('.gguf'))
if (!firstShard) throw new Error(`${folder} holds no first shard`)

/** The bundled model's metadata, tokenizer and chat template included. */
export const smollm2 = readMetadata(folder + firstShard)
