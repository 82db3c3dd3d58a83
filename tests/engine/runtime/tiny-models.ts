/** The random checkpoints of tests/golden/tiny-models as whole models, and requests to them. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type Engine, type GenerateEvent, type GenerateRequest, type LoadedModel } from '../../../src/main/engine'
import { sampling, type LoadSettings, type Sampling } from '../../../src/shared/contract/sampling'
import { golden } from '../golden'

/** A folder with the checkpoint and a tokenizer whose first ids are the 256 bytes, so that answers are raw bytes. */
export async function tinyModel(name = 'llama-gqa'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moru-runtime-'))
  afterAll(() => rm(folder, { recursive: true }))
  await cp(golden('tiny-models', name), folder, { recursive: true })
  await cp(golden('tokenizers', 'sentencepiece', 'spm-bpe.model'), join(folder, 'tokenizer.model'))
  return folder
}

/** The tiny BERT with a tokenizer that knows the words w1 to w97, so that all ids have embeddings. */
export async function tinyEncoder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moru-runtime-'))
  afterAll(() => rm(folder, { recursive: true }))
  await cp(golden('tiny-models', 'bert'), folder, { recursive: true })
  const bundled = JSON.parse(await readFile('resources/models/all-minilm-l6-v2/tokenizer.json', 'utf8')) as {
    model: { vocab: Record<string, number> }
  }
  const words = Object.entries(bundled.model.vocab).filter(([, id]) => id < 320)
  const own = words.map(([word, id]) => [word.startsWith('[unused') ? `w${id}` : word, id])
  const tokenizer = { ...bundled, model: { ...bundled.model, vocab: Object.fromEntries(own) as unknown } }
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
  return folder
}

export const exact: LoadSettings = { contextLength: 512, computeType: 'f32', kvType: 'f32' }

export async function loadTiny(
  engine: Engine,
  settings: Partial<LoadSettings> = {},
  name?: string,
): Promise<LoadedModel> {
  return engine.load(await tinyModel(name), { load: { ...exact, ...settings } })
}

/** Ids of a text nobody wrote; those of different seeds differ from the first on. */
export const idsOf = (count: number, seed = 0): number[] =>
  Array.from({ length: count }, (_, i) => 3 + ((i * 37 + seed * 101 + ((i * i) >> 3)) % 250))

/** Greedy unless said; 16 tokens. */
export function request(
  promptIds: number[],
  options: Partial<Sampling> & { logprobs?: number; signal?: AbortSignal } = {},
): GenerateRequest {
  const { logprobs = null, signal, ...own } = options
  return { promptIds, logprobs, signal, sampling: sampling.parse({ temperature: 0, maxTokens: 16, ...own }) }
}

export type Finished = Extract<GenerateEvent, { kind: 'finished' }>
export type TokenEvent = Extract<GenerateEvent, { kind: 'token' }>

export interface Answer {
  events: GenerateEvent[]
  tokens: TokenEvent[]
  /** Texts of all events, one after the other. */
  text: string
  finished: Finished
}

export async function answer(model: LoadedModel, asked: GenerateRequest): Promise<Answer> {
  const events: GenerateEvent[] = []
  for await (const event of model.generate(asked)) events.push(event)
  const finished = events.at(-1)
  if (finished?.kind !== 'finished') throw new Error('The stream ended without its last event.')
  const tokens = events.filter((e) => e.kind === 'token')
  return { events, tokens, finished, text: tokens.map((t) => t.text).join('') + finished.text }
}

/** Waits until no request holds a block. */
export async function settledBlocks(model: LoadedModel): Promise<number> {
  for (let i = 0; i < 500 && model.status.kvBlocksUsed > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
  return model.status.kvBlocksUsed
}
