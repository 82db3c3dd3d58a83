/** Two models over windows of a text. */
import { hash } from 'node:crypto'
import { type ParsedInputOf } from '../../shared/contract'
import { type ModelDetail } from '../../shared/contract/models'
import { type compareRun, type Comparison, type ComparedToken } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { compareWindow, type LoadedModel, quantiles, summarize, type TokenDivergence } from '../engine'
import { type ModelLibrary } from '../models'
import { readText, textWindows } from '../text'
import { step } from '../trace'
import { loadPair, withEngine } from './open-models'
import { isQuantized } from './plan'
import { measureSpeed } from './speed'

type Input = Pick<ParsedInputOf<typeof compareRun>, 'load' | 'path' | 'window' | 'windows' | 'skip' | 'speed'>

export interface CompareListener {
  progress(stage: 'load' | 'predict' | 'speed', done: number, total: number, kld: number | null): void
  window(window: Comparison['windows'][number], tokens: () => ComparedToken[]): void
}

/**
 * The first of the models is the original. Both live on a device of their own, beside the model that chats.
 * Throws not_found, invalid_input (text too short, other vocabulary), out_of_memory, cancelled.
 */
export async function compareText(
  library: Pick<ModelLibrary, 'get'>,
  models: [string, string],
  input: Input,
  listener: CompareListener,
  signal: AbortSignal,
): Promise<Comparison> {
  const start = performance.now()
  const text = await readText(input.path)
  const details = [await library.get(models[0]), await library.get(models[1])] as const
  const load = { ...input.load, contextLength: input.load.contextLength ?? Math.max(16, input.window) }
  return withEngine(async (engine) => {
    const paths = [details[0].path, details[1].path] as const
    const onLoad = (i: number) => listener.progress('load', i, 2, null)
    const pair = await step('load', {}, () => loadPair(engine, paths, { load, signal }, onLoad))
    const measured = await compareWindows(pair, input, text, listener, signal)
    const onSpeed = (done: number, total: number) => listener.progress('speed', done, total, measured.kld)
    const speed = input.speed ? await step('speed', {}, () => measureSpeed(pair, onSpeed, signal)) : null
    return {
      models: [describe(details[0], pair[0]), describe(details[1], pair[1])],
      text: {
        path: input.path,
        sha256: hash('sha256', text),
        window: input.window,
        windows: input.windows,
        skip: input.skip,
      },
      ...measured,
      speed,
      elapsedMs: performance.now() - start,
      firstIsQuantized: isQuantized(details[0].bitsPerWeight),
    }
  })
}

function describe(detail: ModelDetail, loaded: LoadedModel): Comparison['models'][number] {
  const { name, path, sizeBytes, bitsPerWeight, quantization } = detail
  return { name, path, sizeBytes, bitsPerWeight, quantization, loadMs: loaded.loadMs }
}

type Measured = Pick<Comparison, 'tokens' | 'perplexity' | 'kld' | 'kldError' | 'sameTop1' | 'rmsDeltaP' | 'kldQuantiles' | 'windows'> // prettier-ignore

async function compareWindows(
  [original, other]: readonly [LoadedModel, LoadedModel],
  input: Input,
  text: string,
  listener: CompareListener,
  signal: AbortSignal,
): Promise<Measured> {
  const cut = textWindows(original.tokenizer, text, input)
  checkTokenizers(original, other, cut[0])
  const all: TokenDivergence[] = []
  const windows: Comparison['windows'] = []
  const total = input.windows * (input.window - 1)
  let sum = 0
  let seen = 0
  listener.progress('predict', 0, total, null)
  const onTokens = (tokens: TokenDivergence[]) => {
    for (const { kld } of tokens) sum += kld
    seen += tokens.length
    if (seen > 0) listener.progress('predict', seen, total, sum / seen)
  }
  for (const [w, ids] of cut.entries()) {
    const found = await step('score', { 'moru.window': w }, () =>
      compareWindow(original, other, ids, { signal, onTokens }),
    )
    all.push(...found)
    windows.push({ firstToken: (input.skip + w) * input.window, ...summarize(found) })
    listener.window(windows[w], () => comparedTokens(original, ids, found))
  }
  const [median, ninety, ninetyNine, largest] = quantiles(
    all.map((t) => t.kld),
    [0.5, 0.9, 0.99, 1],
  )
  return { ...summarize(all), kldQuantiles: [median, ninety, ninetyNine, largest], windows }
}

function comparedTokens({ tokenizer }: LoadedModel, ids: number[], found: TokenDivergence[]): ComparedToken[] {
  return ids.map((id, i) => {
    const { nll, kld, sameTop1 } = i > 0 ? found[i - 1] : { nll: null, kld: null, sameTop1: null }
    return { text: tokenizer.token(id), nll, kld, sameTop1 }
  })
}

/** The same ids must mean the same texts. */
function checkTokenizers(a: LoadedModel, b: LoadedModel, ids: number[]): void {
  const different = ids.find((id) => id >= b.config.vocabSize || a.tokenizer.token(id) !== b.tokenizer.token(id))
  if (different === undefined) return
  throw new MoruError(
    'invalid_input',
    `The models have different tokenizers (token ${different} is not the same): their predictions cannot be compared token by token.`,
  )
}
