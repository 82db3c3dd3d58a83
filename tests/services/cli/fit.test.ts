/** moru quantize --budget: on a tiny model, as a person would. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Fitted } from '../../../src/shared/contract/quantize'
import { tinyModel } from '../../engine/runtime/tiny-models'
import { built, moru, moruJson, root, temporaryProfile } from './moru'

const { profile, remove } = temporaryProfile()
const own = ['--profile', profile]
const text = ['--calibration', join(root, 'tests/fixtures/text.txt'), '--calibration-window', '64']
let model: string
beforeAll(async () => {
  await built()
  model = await tinyModel()
}, 300_000)
afterAll(remove)

const fit = (...more: string[]) => ['quantize', model, '--method', 'hqq', '--group', '32', ...text, ...more, ...own]

it('plans, and with --out also writes; another size needs no new measurement', { timeout: 120_000 }, async () => {
  const planned = await moruJson<Fitted>(fit('--budget', '260K'))
  expect(planned.sizeBytes).toBeLessThanOrEqual(260_000)
  const out = join(profile, 'fitted')
  const written = await moruJson<{ fit: Fitted; sizeBytes: number }>(fit('--budget', '240K', '--out', out))
  expect(written.fit.key).toBe(planned.key)
  expect(written.fit.elapsedMs).toBeLessThan(planned.elapsedMs)
  expect(written.fit.estimatedKld).toBeGreaterThan(planned.estimatedKld)
  expect(written.sizeBytes).toBeLessThanOrEqual(240_000)
  expect((await stat(join(out, 'model.safetensors'))).size).toBe(written.sizeBytes)
  const shown = await moru(fit('--budget', '240K'))
  expect(shown.out).toMatch(/^at most 0\.2 MB of 0\.2 MB, \d\.\d{3} bits a weight, KL divergence about 0\.\d{4}/)
  expect(shown.out).toMatch(/^ffn_down +\d/m)
})
