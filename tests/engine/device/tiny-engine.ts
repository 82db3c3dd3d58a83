/** A random checkpoint of three layers in a folder of its own, with a tokenizer beside it, as an engine loads one. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSettings, sampling } from '../../../src/shared/contract/sampling'
import { type Engine } from '../../../src/main/engine/runtime/engine'
import { type GenerateRequest } from '../../../src/main/engine/runtime/generate'
import { type LoadedModel } from '../../../src/main/engine/runtime/loaded-model'
import { golden, readGolden } from '../golden'
import './quick-shaders'

const name = 'llama-gqa'

export interface Expected {
  input_ids: number[]
  greedy_ids: number[]
}
export const expected = readGolden<Expected>('tiny-models', name, 'expected.json')

export class TinyModelFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'moru-tiny-'))

  constructor() {
    cpSync(golden('tiny-models', name), this.path, { recursive: true })
    // Its words do not matter: ids below the model's 320 are all that is decoded.
    cpSync(golden('tokenizers', 'minilm-tokenizer.json'), join(this.path, 'tokenizer.json'))
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}

export function load(engine: Engine, folder: TinyModelFolder): Promise<LoadedModel> {
  return engine.load(folder.path, { load: loadSettings.parse({ contextLength: 256, kvType: 'f32' }) })
}

export function request(maxTokens: number): GenerateRequest {
  // No end-of-sequence id ends the answer early.
  const settings = sampling.parse({ temperature: 0, maxTokens, logitBias: { 2: -100 } })
  return { promptIds: expected.input_ids, sampling: settings, logprobs: null }
}

/** Ids of a whole answer. */
export async function answer(model: LoadedModel, maxTokens: number): Promise<number[]> {
  for await (const event of model.generate(request(maxTokens))) if (event.kind === 'finished') return event.tokenIds
  throw new Error('The answer never finished.')
}
