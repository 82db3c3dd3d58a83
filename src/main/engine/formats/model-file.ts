/** Finds out what a path holds and opens it with the reader for it. */
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { withQuantizedMatrices } from './checkpoints/quantized-checkpoint'
import { quoted } from './file-error'
import { openGguf } from './gguf'
import { openSafetensors, openSafetensorsIndex } from './safetensors'
import { SourceFile } from './source-file'
import type { WeightFile } from './weight-file'

const wholeName = 'model.safetensors'
const indexName = 'model.safetensors.index.json'
const shardName = /-(\d{5})-of-\d{5}\.(gguf|safetensors)$/

/**
 * Opens a model: a GGUF file or its first shard, a safetensors file or index, or a folder that holds one of them.
 * GGUF files are known by their first bytes, so that Ollama's blobs, which have no extension, open too.
 * @throws MoruError not_found, invalid_input (a folder without a model, or with several), invalid_file, unsupported, io
 */
export async function openModelFile(path: string): Promise<WeightFile> {
  const absolute = resolve(path)
  const isFolder = await stat(absolute).then(
    (info) => info.isDirectory(),
    () => false, // the reader that opens it says what is wrong
  )
  return openFile(isFolder ? await modelIn(absolute) : absolute)
}

async function openFile(path: string): Promise<WeightFile> {
  const name = basename(path)
  if (name.endsWith('.safetensors.index.json')) return withQuantizedMatrices(await openSafetensorsIndex(path))
  if (name.endsWith('.safetensors')) {
    // One shard alone is not a model; the index beside it knows the others.
    const shard = shardName.test(name)
    const opened = await (shard ? openSafetensorsIndex(join(dirname(path), indexName)) : openSafetensors(path))
    return withQuantizedMatrices(opened)
  }
  if (name.endsWith('.gguf') || (await beginsWithGguf(path))) return openGguf(path)
  throw new MoruError('unsupported', `${name} is neither GGUF nor safetensors: choose a .gguf or .safetensors file.`)
}

async function beginsWithGguf(path: string): Promise<boolean> {
  const source = await SourceFile.open(path)
  try {
    if (source.sizeBytes < 4) return false
    const bytes = new Uint8Array(4)
    await source.readInto(bytes, 0)
    return Buffer.from(bytes).toString('latin1') === 'GGUF'
  } finally {
    await source.close()
  }
}

/** The file to open in a folder: model.safetensors, its index, or the only model there. */
async function modelIn(folder: string): Promise<string> {
  const names = await readdir(folder)
  const known = [wholeName, indexName].find((name) => names.includes(name))
  if (known) return join(folder, known)
  const models = names.filter(
    (name) => /\.(gguf|safetensors)$/.test(name) && (shardName.exec(name)?.[1] ?? '00001') === '00001',
  )
  if (models.length === 1) return join(folder, models[0])
  if (models.length > 1) {
    const list = models.sort().slice(0, 5).map(quoted).join(', ')
    throw new MoruError('invalid_input', `${folder} holds several models (${list}): choose one of the files.`)
  }
  const pickled = names.some((name) => /^pytorch_model.*\.bin$/.test(name))
  const hint = pickled
    ? 'Its pytorch_model.bin can run code when it is read, so Moru does not: convert it to safetensors.'
    : 'Choose a .gguf file, or a folder with model.safetensors and config.json.'
  throw new MoruError(pickled ? 'unsupported' : 'invalid_input', `${folder} holds no model that Moru reads. ${hint}`)
}
