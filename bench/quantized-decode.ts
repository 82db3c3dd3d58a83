/**
 * Decoding with the linear layers of a model in each packed form, against the model as its file has it.
 *
 *   node bench/run.mjs quantized-decode --model FILE [--rounds 4] [--tokens 12] [--prompt 64] [--only nf4,rtn]
 *
 * All models are loaded first, then take turns; each figure is the best of the rounds. Only ratios count.
 */
import { parseArgs } from 'node:util'
import { Engine } from '../src/main/engine'
import { openModelFile } from '../src/main/engine/formats/model-file'
import { blockTokens } from '../src/main/engine/kernels/attention'
import { loadDecoder, readModelConfig } from '../src/main/engine/models/load-decoder'
import { type MatrixMethod, quantizeMatrix } from '../src/main/engine/quant/methods'
import { ModelRunner } from '../src/main/engine/runtime/model-runner'
import { quantizedFile } from './quantized-file'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    rounds: { type: 'string', default: '4' },
    tokens: { type: 'string', default: '12' },
    prompt: { type: 'string', default: '64' },
    only: { type: 'string' },
  },
})
if (!options.model) throw new Error('Name the model: --model FILE')

const rtn = (bits: number, group: number | 'row', symmetric = false): MatrixMethod => ({
  method: 'rtn',
  bits,
  group,
  symmetric,
  scaleType: 'f16',
})
const methods: Record<string, MatrixMethod> = {
  'rtn 4 bits, group 64': rtn(4, 64),
  'rtn 4 bits, group 192': rtn(4, 192),
  'rtn 4 bits, symmetric, group 64': rtn(4, 64, true),
  nf4: { method: 'codebook', codebook: 'nf4', block: 64 },
  fp4: { method: 'codebook', codebook: 'fp4', block: 64 },
  'rtn 2 bits, group 64': rtn(2, 64),
  'rtn 3 bits, group 64': rtn(3, 64),
  'rtn 6 bits, group 64': rtn(6, 64),
  'int8 by rows': { method: 'absmax', per: 'row', scaleType: 'f32' },
}
const wanted = options.only?.split(',')
const names = Object.keys(methods).filter((name) => !wanted || wanted.some((w) => name.includes(w)))
const linear = /(attn_(q|k|v|output)|ffn_(gate|up|down)|(q|k|v|o|gate|up|down)_proj)\.weight$/

const gpu = await new Engine().open()
const file = await openModelFile(options.model)
const config = await readModelConfig(file)
const settings = { activations: 'f32', kvType: 'f16', contextLength: 256, blocks: 16 } as const
const runners = new Map<string, ModelRunner>()
runners.set('as it is', await ModelRunner.open(gpu, await loadDecoder(gpu, file, config), settings))
for (const name of names) {
  const quantized = await quantizedFile(file, {
    chosen: (tensor) => linear.test(tensor),
    quantize: (weights, cols) => quantizeMatrix(weights, cols, methods[name]),
    type: methods[name].method === 'rtn' ? 'f16' : 'f32',
  })
  runners.set(name, await ModelRunner.open(gpu, await loadDecoder(gpu, quantized, config), settings))
}
await file.close()

/** Milliseconds of the prompt, and of a token after it. */
async function measure(runner: ModelRunner): Promise<{ prefill: number; token: number }> {
  const ids = Array.from({ length: Number(options.prompt) }, (_, i) => 100 + ((i * 7919) % 20_000))
  const blocks = Array.from({ length: Math.ceil(256 / blockTokens) }, (_, i) => i)
  const step = async (own: number[], position: number) => {
    const entry = { ids: own, position, blocks, logits: 'last' as const }
    await runner.sample([entry], [{ changes: [], topK: 1 }])
  }
  const start = performance.now()
  await step(ids, 0)
  const prefill = performance.now() - start
  let token = Infinity
  for (let i = 0; i < Number(options.tokens); i++) {
    const begin = performance.now()
    await step([5], ids.length + i)
    token = Math.min(token, performance.now() - begin)
  }
  return { prefill, token }
}

const best = new Map<string, { prefill: number; token: number }>()
for (let round = 0; round <= Number(options.rounds); round++)
  for (const [name, runner] of runners) {
    const found = await measure(runner)
    const known = best.get(name) ?? { prefill: Infinity, token: Infinity }
    // The first round compiles.
    if (round > 0)
      best.set(name, { prefill: Math.min(known.prefill, found.prefill), token: Math.min(known.token, found.token) })
  }
const base = best.get('as it is')!
console.log(`${'weights'.padEnd(34)}  decode  of it  prefill ${options.prompt}  of it`)
for (const [name, { prefill, token }] of best) {
  const cells = [
    `${(1000 / token).toFixed(1)}/s`.padStart(8),
    (base.token / token).toFixed(2).padStart(6),
    `${((1000 * Number(options.prompt)) / prefill).toFixed(0)}/s`.padStart(11),
    (base.prefill / prefill).toFixed(2).padStart(6),
  ]
  console.log(`${name.padEnd(34)}${cells.join(' ')}`)
}
for (const runner of runners.values()) {
  runner.release()
  runner.model.buffers.release()
}
gpu.destroy()
