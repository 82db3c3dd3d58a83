import { type Stats } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { MoruError } from '../../../shared/errors'
import { chatTemplateFrom } from './chat-template'
import { tokenizerFromGguf } from './from-gguf'
import { tokenizerFromJson } from './from-json'
import { tokenizerFromSentencePiece } from './from-sentencepiece'
import { type Metadata, stringList, text } from './gguf-metadata'
import { type ChatTemplate, type Tokenizer } from './tokenizer'

export interface LoadedTokenizer {
  tokenizer: Tokenizer
  /** Null: the model was not made for chat. */
  chatTemplate: ChatTemplate | null
}

/** The largest published tokenizer.json has 33 MB. */
const sizeLimit = 128 * 1024 * 1024

/** Tokenizer and chat template of a GGUF file's metadata. Throws as tokenizerFromGguf and chatTemplateFrom do. */
export function loadTokenizerFromMetadata(metadata: Metadata): LoadedTokenizer {
  const tokenizer = tokenizerFromGguf(metadata)
  const named = stringList(metadata, 'tokenizer.chat_templates')
  const source =
    text(metadata, 'tokenizer.chat_template') ??
    (named?.length ? text(metadata, `tokenizer.chat_template.${named[0]}`) : null)
  return { tokenizer, chatTemplate: chatTemplateFrom(source, tokenizer) }
}

/**
 * Tokenizer and chat template of a safetensors folder: tokenizer.json, else tokenizer.model; the template from
 * chat_template.jinja, tokenizer_config.json or chat_template.json. Throws `not_found` when there is no tokenizer.
 */
export async function loadTokenizerFromFolder(folder: string): Promise<LoadedTokenizer> {
  const files = await readTokenizerFiles(folder)
  const tokenizer = tokenizerFromFiles(folder, files)
  return { tokenizer, chatTemplate: chatTemplateFrom(files.chatTemplate, tokenizer) }
}

/** What a folder holds of a tokenizer, parsed; null where a file is missing. */
export interface TokenizerFiles {
  /** tokenizer.json */
  json: unknown
  /** tokenizer.model; read only where there is no tokenizer.json. */
  model: Uint8Array | null
  /** tokenizer_config.json */
  config: unknown
  /** generation_config.json */
  generation: unknown
  /** The template's source, from whichever file has it. */
  chatTemplate: string | null
}

export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const config = await readJson(join(folder, 'tokenizer_config.json'))
  const json = await readJson(join(folder, 'tokenizer.json'))
  return {
    json,
    model: json === null ? await readBounded(join(folder, 'tokenizer.model')) : null,
    config,
    generation: await readJson(join(folder, 'generation_config.json')),
    chatTemplate:
      (await readText(join(folder, 'chat_template.jinja'))) ??
      templateOf(config) ??
      templateOf(await readJson(join(folder, 'chat_template.json'))),
  }
}

/** @throws MoruError not_found where there is neither tokenizer.json nor tokenizer.model */
export function tokenizerFromFiles(folder: string, { json, model, config, generation }: TokenizerFiles): Tokenizer {
  if (json !== null) return tokenizerFromJson(json, config ?? {}, generation ?? {})
  if (model === null)
    throw new MoruError(
      'not_found',
      `${basename(folder)} has neither tokenizer.json nor tokenizer.model: download the model again with its tokenizer, or give token ids.`,
    )
  return fromModelFile(model, config, generation)
}

function fromModelFile(bytes: Uint8Array, config: unknown, generation: unknown): Tokenizer {
  const flag = (name: string): boolean | undefined => {
    const value = fieldOf(config, name)
    return typeof value === 'boolean' ? value : undefined
  }
  const ends = fieldOf(generation, 'eos_token_id')
  return tokenizerFromSentencePiece(bytes, {
    addBos: flag('add_bos_token'),
    addEos: flag('add_eos_token'),
    endIds: (Array.isArray(ends) ? ends : [ends]).filter((id): id is number => Number.isInteger(id)),
  })
}

/** A chat_template: one text, or a list of named ones of which `default` is meant. */
function templateOf(config: unknown): string | null {
  const value = fieldOf(config, 'chat_template')
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return null
  const templates: unknown[] = value
  const chosen = templates.find((entry) => fieldOf(entry, 'name') === 'default') ?? templates[0]
  const source = fieldOf(chosen, 'template')
  return typeof source === 'string' ? source : null
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}

async function readJson(path: string): Promise<unknown> {
  const source = await readText(path)
  if (source === null) return null
  try {
    return JSON.parse(source)
  } catch (thrown) {
    throw new MoruError('invalid_file', `${basename(path)} is not JSON: ${(thrown as Error).message}.`, {
      cause: thrown,
    })
  }
}

async function readText(path: string): Promise<string | null> {
  const bytes = await readBounded(path)
  if (bytes === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (thrown) {
    throw new MoruError('invalid_file', `${basename(path)} is not UTF-8.`, { cause: thrown })
  }
}

/** A file's bytes, or null when there is none. */
async function readBounded(path: string): Promise<Uint8Array | null> {
  const found = await stat(path).catch((thrown: unknown): Stats | null => {
    if ((thrown as { code?: unknown }).code === 'ENOENT') return null
    throw thrown
  })
  if (found === null) return null
  if (!found.isFile() || found.size > sizeLimit)
    throw new MoruError('invalid_file', `${basename(path)} is no file or larger than ${sizeLimit} bytes.`)
  return readFile(path)
}
