/** Quantization by arithmetic: values that look like a model's, so that every chart has something to draw. */
import {
  recipe as recipeSchema,
  type Comparison,
  type EmbeddingComparison,
  type MatrixResult,
  type QuantizeRun,
  type RecipeInput,
} from '../../../src/shared/contract/quantize'
import { MoruError } from '../../../src/shared/errors'
import { pause, type World } from './handlers'
import { aJob, began } from './samples'
import { type Handlers } from './test-host'

const roles = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'] as const
const layers = 30

const matrix = (layer: number, role: (typeof roles)[number], scale: number): MatrixResult => ({
  name: `blk.${layer}.${role}.weight`,
  layer,
  role,
  method: 'gptq',
  bits: 4,
  group: 64,
  relativeError: scale * (0.05 + 0.03 * Math.sin(layer / 3 + roles.indexOf(role)) + (role === 'ffn_down' ? 0.06 : 0)),
  weightMse: 1e-5,
  bitsPerWeight: 4.31,
})
const matrices = (scale: number) =>
  Array.from({ length: layers }, (_, layer) => roles.map((role) => matrix(layer, role, scale))).flat()

const original = '/models/SmolLM2-135M-Instruct.Q4_1.gguf'
const comparedOn = { path: '/data/wikitext-2/test.txt', sha256: 'a'.repeat(64), window: 1024, windows: 4, skip: 0 }

function aComparison(path: string, sizeBytes: number, kld: number): Comparison {
  const model = { name: 'a', path, sizeBytes, bitsPerWeight: 4.3, quantization: 'GPTQ', loadMs: 900 }
  return {
    models: [{ ...model, path: original }, model],
    text: comparedOn,
    tokens: 4092,
    perplexity: [21.19, 21.19 * Math.exp(kld)],
    kld,
    kldError: kld / 20,
    sameTop1: 1 - kld,
    rmsDeltaP: kld / 3,
    kldQuantiles: [kld / 2, kld * 2, kld * 8, kld * 30],
    windows: [],
    speed: { prefill: [180, 170], decode: [20, 18] },
    elapsedMs: 60_000,
    firstIsQuantized: true,
  }
}

/** A finished run of `recipe`; its divergence is on the shared text, or nowhere. */
export function aRun(jobId: string, recipe: RecipeInput, sizeBytes: number, kld: number | null): QuantizeRun {
  const path = `/profile/models/${jobId}`
  return {
    jobId,
    source: { name: 'SmolLM2 135M Instruct', path: original, sizeBytes: 98e6 },
    recipe: recipeSchema.parse(recipe),
    result: {
      path,
      modelId: `model-${jobId}`,
      sizeBytes,
      bitsPerWeight: (sizeBytes * 8) / 160e6,
      encoder: false,
      elapsedMs: 200_000,
      calibration: null,
      layers: matrices(kld ?? 1),
    },
    available: true,
    comparisons: kld === null ? [] : [aComparison(path, sizeBytes, kld)],
    embeddings: [],
    endedAt: began,
  }
}

const embedder = '/opt/moru/resources/models/all-minilm-l6-v2'

function anEmbeddingComparison(path: string, sizeBytes: number, cosine: number): EmbeddingComparison {
  const model = { name: 'a', path, sizeBytes, bitsPerWeight: 10.6, quantization: 'GPTQ', loadMs: 300 }
  return {
    models: [{ ...model, path: embedder, sizeBytes: 45.4e6 }, model],
    text: { path: '/data/wikitext-2/test.txt', sha256: 'b'.repeat(64), limit: 512 },
    passages: 512,
    cosine,
    cosineQuantiles: [cosine, cosine - 0.01, cosine - 0.02, cosine - 0.03],
    neighbours: { k: 10, shared: 0.93, sameNearest: 0.88 },
    tokensPerSecond: [410, 390],
    retrieval: { path: '/data/set', documents: 300, queries: 90, ndcgAt10: [0.313, 0.3095], recallAt10: [0.42, 0.41], hitAt1: [0.25, 0.25] }, // prettier-ignore
    elapsedMs: 60_000,
    firstIsQuantized: false,
  }
}

/** The same of an embedding model; its cosine is on the shared passages, or nowhere. */
export function anEmbeddingRun(
  jobId: string,
  recipe: RecipeInput,
  sizeBytes: number,
  cosine: number | null,
): QuantizeRun {
  const run = aRun(jobId, recipe, sizeBytes, null)
  return {
    ...run,
    source: { name: 'all-MiniLM-L6-v2', path: embedder, sizeBytes: 45.4e6 },
    result: { ...run.result, encoder: true },
    embeddings: cosine === null ? [] : [anEmbeddingComparison(run.result.path, sizeBytes, cosine)],
  }
}

const bell = (bins: number, width: number) =>
  Array.from({ length: bins }, (_, i) => Math.round(1000 * Math.exp(-(((i - bins / 2) / width) ** 2))))

export function quantizeHandlers(world: World) {
  const size = (recipe: RecipeInput) => Math.round(30e6 + 13e6 * (recipeSchema.parse(recipe).bits + 0.3))
  return {
    quantizePlan: ({ recipe }) => {
      if (recipe.group === 128)
        throw new MoruError('invalid_input', 'Groups of 128 do not divide 576 inputs; 32, 64, 96, 192, 288 and 576 do.')
      const sizeBytes = size(recipe)
      return {
        model: { name: 'SmolLM2', path: original, sizeBytes: 98e6, bitsPerWeight: 5.8 },
        recipe,
        format: recipe.method.startsWith('q') ? 'gguf' : 'safetensors',
        layout: recipe.method,
        matrices: matrices(1).map((m) => ({
          ...m,
          rows: 576,
          cols: 576,
          sizeBytes: 180_000,
          fallback: recipe.method === 'q4_k' ? { wanted: 'q4_k', used: 'q5_0' } : null,
        })),
        sizeBytes,
        bitsPerWeight: recipe.bits + 0.31,
        memoryBytes: 400e6,
        calibrates: recipe.method === 'gptq',
        warnings: [
          { kind: 'source_quantized', type: 'Q4_1', bitsPerWeight: 5.83 },
          ...(recipe.method === 'q4_k' ? [{ kind: 'fallbacks' as const, matrices: 210 }] : []),
        ],
      }
    },
    quantizeStart: ({ recipe }) => {
      const job = aJob({ id: `q${world.nextId++}`, kind: 'quantize', title: recipe.method, unit: 'steps', done: 3, total: layers }) // prettier-ignore
      world.jobs.push(job)
      world.quantizations.push({ ...aRun(job.id, recipe, size(recipe), null), available: false })
      return { jobId: job.id }
    },
    async *quantizeFollow({ jobId }, signal) {
      const job = world.jobs.find((j) => j.id === jobId)!
      for (let layer = 0; layer < layers && !signal.aborted; layer += 10) {
        yield { kind: 'progress', stage: 'layers', layer, layers, elapsedMs: 100 } as const
        yield { kind: 'matrix', matrix: matrix(layer, 'attn_q', 1) } as const
        await pause(20, signal)
      }
      const run = world.quantizations.find((r) => r.jobId === jobId)!
      Object.assign(run, { available: true })
      Object.assign(job, { state: 'done', endedAt: Date.now() })
      yield { kind: 'finished', result: run.result, comparison: null, embeddings: null } as const
    },
    async *quantizeFit({ budgetBytes, methods: [method], calibration }, signal) {
      if (budgetBytes < 87.9e6)
        throw new MoruError('invalid_input', `${budgetBytes / 1e6} MB are too few: the least is 87.9 MB.`)
      for (let done = 0; done <= 210 && !signal.aborted; done += 70) {
        yield { kind: 'progress', jobId: 'f', done, total: 210 } as const
        await pause(20, signal)
      }
      const all = matrices(1)
      const bits = all.map(({ relativeError }) => (relativeError > 0.1 ? 5 : relativeError > 0.05 ? 4 : 3))
      const fitted = {
        key: 'k',
        model: { name: 'SmolLM2', path: original, sizeBytes: 98e6 },
        recipe: recipeSchema.parse({ method, bits: 4, calibration, overrides: all.flatMap(({ name }, i) => (bits[i] === 4 ? [] : [{ name, bits: bits[i] }])) }), // prettier-ignore
        format: 'safetensors' as const,
        budgetBytes,
        sizeBytes: budgetBytes - 1000,
        bitsPerWeight: 4.21,
        estimatedKld: 0.087,
        interaction: 1.2,
        atBest: false,
        holds16Bits: false,
        sensitivities: all.map(({ name, layer, role, relativeError: error }, i) => ({
          name,
          layer: layer!,
          role,
          kld: error ** 2,
          error,
          candidates: [{ method, bits: bits[i], group: 64, sizeBytes: 160_000, error, kld: error ** 2 / 4 ** bits[i] }],
          chosen: 0,
        })),
        elapsedMs: 1000,
      }
      yield { kind: 'finished', fitted } as const
    },
    quantizeRuns: () => world.quantizations.toReversed(),
    async *compareRun({ models }) {
      yield { kind: 'progress', jobId: 'c', stage: 'predict', done: 1, total: 4, kld: 0.2 } as const
      const run = world.quantizations.find((r) => r.result.path === models[1])!
      const comparison = aComparison(run.result.path, run.result.sizeBytes, 0.2)
      run.comparisons.push(comparison)
      yield { kind: 'finished', comparison } as const
    },
    async *importanceRun({ path, calibration }) {
      yield { kind: 'progress', jobId: 'i', done: 3, total: layers } as const
      const tokens = calibration.windows * calibration.window
      const text = { name: 'bundled (en)', sha256: 'b'.repeat(64) }
      yield { kind: 'finished', file: { path, matrices: 210, tokens, calibration: text, elapsedMs: 20_000 } } as const
    },
    async *compareEmbeddings({ models }) {
      yield { kind: 'progress', jobId: 'c', stage: 'embed', done: 16, total: 512 } as const
      const run = world.quantizations.find((r) => r.result.path === models[1])!
      const comparison = anEmbeddingComparison(run.result.path, run.result.sizeBytes, 0.9724)
      run.embeddings.push(comparison)
      yield { kind: 'finished', comparison } as const
    },
    async *comparePrompt() {
      yield { kind: 'progress', stage: 'answer', done: 1, total: 2 } as const
      const tokens = (texts: string[]) => texts.map((text, id) => ({ id, text }))
      const likely = (texts: string[]) => texts.map((text, i) => ({ id: i, text, p: 0.5 / (i + 1), otherP: 0.3 / (i + 1) })) // prettier-ignore
      yield {
        kind: 'finished',
        comparison: {
          answers: [
            { text: 'Paris is big.', tokens: tokens(['Paris', ' is', ' big', '.']) },
            { text: 'Paris is old.', tokens: tokens(['Paris', ' is', ' old', '.']) },
          ],
          firstDifference: 2,
          distributions: [likely([' big', ' old']), likely([' big', ' old'])],
          kld: [0.001, 0.02, 0.4],
        },
      } as const
    },
    inspectMatrix: ({ name, part }) => {
      const single = part.rows > 0
      const cells = 24
      const values = Array.from({ length: cells * cells }, (_, i) => Math.sin(i) * 0.1)
      return {
        name,
        rows: 576,
        cols: 576,
        before: { type: 'q4_1', histogram: { from: -0.3, to: 0.3, counts: bell(64, 12) } },
        after: {
          type: 'gptq 4 bits',
          histogram: { from: -0.3, to: 0.3, counts: bell(64, 12).map((n, i) => (i % 4 === 0 ? n * 4 : 0)) },
          levels: Array.from({ length: 16 }, (_, i) => -0.24 + i * 0.032),
          group: 64,
          codes: bell(16, 4),
        },
        error: { from: -0.02, to: 0.02, counts: bell(64, 16) },
        weightMse: 2.5e-5,
        picture: {
          rows: cells,
          cols: cells,
          cellRows: single ? 1 : 24,
          cellCols: single ? 1 : 24,
          before: values,
          after: values.map((v) => Math.round(v * 20) / 20),
          difference: values.map((v) => Math.abs(Math.round(v * 20) / 20 - v)),
        },
      }
    },
    async *inspectActivations() {
      for (let layer = 0; layer < 4; layer++) {
        yield { kind: 'progress', done: layer + 1, total: 4 } as const
        const maxAbs = Array.from({ length: 576 }, (_, i) => (i === 200 ? 40 : 1 + Math.abs(Math.sin(i * layer))))
        const inputs = roles.slice(3).map((role) => ({
          name: `blk.${layer}.${role}.weight`,
          layer,
          role,
          channels: 576,
          meanAbs: 0.7,
          maxAbs,
          outliers: [{ channel: 200, maxAbs: 40, share: 0.02 }],
        }))
        yield { kind: 'layer', inputs } as const
      }
      yield { kind: 'finished', threshold: 6 } as const
    },
  } satisfies Partial<Handlers>
}
