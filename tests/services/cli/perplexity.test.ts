/** moru perplexity against a figure that is computed from the model's logits in f64. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Gpu } from '../../../src/main/engine/device/gpu'
import { openModelFile } from '../../../src/main/engine/formats/model-file'
import { loadDecoder, readModelConfig } from '../../../src/main/engine/models/load-decoder'
import { loadTokenizer } from '../../../src/main/engine/runtime/engine'
import { ModelRunner } from '../../../src/main/engine/runtime/model-runner'
import { built, moru, moruJson, root, temporaryProfile } from './moru'

const text = join(root, 'tests/fixtures/text.txt')
const model = join(root, 'resources/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1-00001-of-00003.gguf')
const { profile, remove } = temporaryProfile()
const own = ['--profile', profile]
beforeAll(built, 300_000)
afterAll(remove)

/** Mean loss over windows of the text, from all logits, in f64. */
async function meanLoss(window: number, windows: number, skip: number): Promise<number> {
  const gpu = await Gpu.open()
  const file = await openModelFile(model)
  const { tokenizer } = await loadTokenizer(file)
  const decoder = await loadDecoder(gpu, file, await readModelConfig(file))
  await file.close()
  const options = { activations: 'f32', kvType: 'f32', contextLength: 128, blocks: 8 } as const
  const runner = await ModelRunner.open(gpu, decoder, options)
  const ids = tokenizer.encode(readFileSync(text, 'utf8'), { special: false })
  let sum = 0
  for (let w = 0; w < windows; w++) {
    const own = ids.slice((skip + w) * window, (skip + w + 1) * window)
    const rows = await runner.logits([{ ids: own, position: 0, blocks: [0, 1, 2, 3, 4, 5, 6, 7], logits: 'all' }])
    for (let i = 0; i + 1 < own.length; i++) sum += loss(rows[i], own[i + 1])
  }
  await gpu.idle()
  gpu.destroy()
  return sum / (windows * (window - 1))
}

function loss(logits: Float32Array, target: number): number {
  const largest = logits.reduce((a, b) => Math.max(a, b))
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - largest)
  return largest + Math.log(sum) - logits[target]
}

it('scores windows of a text as the logits do', { timeout: 180_000 }, async () => {
  const [window, windows, skip] = [96, 3, 1]
  const args = ['perplexity', '--text', 'fixtures/text.txt', '--window', '96', '--windows', '3', '--skip', '1', ...own]
  const scored = await moruJson<{ perplexity: number; meanNll: number; tokens: number }>(
    [...args, '--kv-type', 'f32'],
    {
      cwd: join(root, 'tests'),
    },
  )
  const expected = await meanLoss(window, windows, skip)
  expect(Object.keys(scored)).toEqual(['perplexity', 'meanNll', 'tokens'])
  expect(scored.tokens).toBe(windows * (window - 1))
  // The same arithmetic but for the soft maximum, which is f32 there and f64 here.
  expect(Math.abs(scored.meanNll - expected)).toBeLessThan(1e-4)
  expect(scored.perplexity).toBeCloseTo(Math.exp(scored.meanNll), 6)
})

it('says how long a text must be', async () => {
  const { code, out, err } = await moru([
    'perplexity',
    '--text',
    text,
    '--window',
    '1024',
    '--windows',
    '4',
    ...own,
    '--json',
  ])
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/has \d+ tokens; 4 windows of 1024 after 0 skipped ones need 4096/)
})
