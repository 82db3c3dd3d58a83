/** Secrets in calls and runs of every kind, looked for in the bytes of all that is kept and handed on; with a model of random weights. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { contract } from '../../../src/shared/contract'
import { ceilingName } from '../../../src/shared/contract/ceilings'
import { inspectAdapter } from '../../../src/main/engine'
import { openStore } from '../../../src/main/store'
import { byteCharacters } from '../../../src/main/engine/tokenizer/byte-alphabet'
import { logRedaction } from '../../../src/main/host/log'
import { TinyModelFolder } from '../../engine/device/tiny-engine'
import { otlpReceiver } from '../trace/otlp-receiver'
import { composed } from './composed'
import { temporaryDirectory } from './running'

const secrets = {
  hub: 'hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345',
  openai: 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789',
  resident: '900101-1234567',
  stored: 'plain-looking-token',
  own: 'ORDER-4711',
}
const all = Object.values(secrets).join(' 그리고 ')

/** A tokenizer of single bytes, with a token for each id that the random model has beyond those. */
function giveTokenizer(folder: string): void {
  const others = Array.from({ length: 320 - byteCharacters.length }, (_, i) => `<${i}>`)
  const vocab = Object.fromEntries([...byteCharacters, ...others].map((token, id) => [token, id]))
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const model = { type: 'BPE', vocab, merges: [], unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges: false } // prettier-ignore
  const json = { version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: level, post_processor: null, decoder: level, model } // prettier-ignore
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json))
}

/** Ceilings as if they had been measured, which takes a profile most of its time. */
async function keepCeilings(profile: string): Promise<void> {
  const store = openStore(profile)
  const kept = ceilingName.options.map((name) => ({ name, value: 1, unit: 'GB/s' as const, spread: 0 }))
  store.ceilings.save(await inspectAdapter(), kept)
  store.close()
}

/** Every file below a folder, and every name, that holds one of the secrets. */
function findings(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true }).map(String)
  return files.flatMap((name) => {
    const path = join(folder, name)
    const bytes = statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0)
    return Object.entries(secrets).flatMap(([kind, secret]) =>
      bytes.includes(secret) || name.includes(secret) ? [`${kind} in ${name}`] : [],
    )
  })
}

it('appear in no trace, run, log or export, whatever kind of work they were given to', async () => {
  using folder = new TinyModelFolder()
  giveTokenizer(folder.path)
  const [profile, outside] = [temporaryDirectory(), temporaryDirectory()]
  const text = join(outside, `${secrets.openai}.txt`)
  writeFileSync(text, 'An anvil is a block of iron. '.repeat(20))
  const receiver = await otlpReceiver()
  await keepCeilings(profile)
  const { client } = await composed(profile)
  const { tracing } = await client.request(contract.settingsGet, {})
  const redactPatterns = [...tracing.redactPatterns, 'ORDER-\\d+']
  await client.request(contract.settingsUpdate, { tracing: { redactPatterns, otlpEndpoint: receiver.url, otlpContents: true } }) // prettier-ignore
  await client.request(contract.settingsSetHubToken, { token: secrets.stored })
  await client.request(contract.tracesStatus, {})
  const { id: model } = await client.request(contract.modelsImport, { path: folder.path })
  const models: [string, string] = [model, model]
  const sampling = { temperature: 0, maxTokens: 2 }
  const ended = async (events: AsyncIterable<unknown>) => {
    for await (const _ of events);
  }

  await ended(client.stream(contract.textGenerate, { model, source: { kind: 'text', text: all }, sampling }))
  await ended(client.stream(contract.profilerRun, { model, prompt: all, maxTokens: 2 }))
  await ended(client.stream(contract.comparePrompt, { models, prompt: all, maxTokens: 2 }))
  await ended(client.stream(contract.compareRun, { models, path: text, window: 16, windows: 1 }))
  const recipe = { method: 'rtn' as const, bits: 8, group: 0 }
  const evaluate = { path: text, window: 16, windows: 1 }
  const { jobId } = await client.request(contract.quantizeStart, { model, recipe, evaluate })
  await ended(client.stream(contract.quantizeFollow, { jobId }))
  // Errors say what was given.
  await expect(ended(client.stream(contract.compareRun, { models, path: join(outside, all) }))).rejects.toThrow()
  await expect(client.request(contract.embedTexts, { model: all, texts: [all] })).rejects.toThrow()

  const runs = await client.request(contract.runsList, {})
  expect(new Set(runs.map(({ kind }) => kind))).toEqual(new Set(['profile', 'compare', 'quantize']))
  await client.request(contract.runsExport, { ids: null, folder: join(outside, 'mlruns') })
  mkdirSync(join(outside, 'traces'))
  for (const format of ['jsonl', 'otlp', 'ratings'] as const) {
    let lines = ''
    for await (const event of client.stream(contract.tracesExport, { format, filter: {} })) lines += event.text
    writeFileSync(join(outside, 'traces', format), lines)
  }
  const { traces } = await client.request(contract.tracesList, { limit: 100 })
  expect(new Set(traces.map(({ kind }) => kind))).toEqual(new Set(['generate', 'compare', 'quantize', 'embed']))
  await expect.poll(() => client.request(contract.tracesStatus, {}).then(({ otlp }) => otlp.waitingSpans)).toBe(0)
  for (const [kind, secret] of Object.entries(secrets))
    expect(logRedaction.text(all).includes(secret), kind).toBe(false)
  await client.close()

  expect(findings(profile).filter((found) => found !== 'stored in hub-token')).toEqual([])
  expect(findings(join(outside, 'mlruns'))).toEqual([])
  expect(findings(join(outside, 'traces'))).toEqual([])
  for (const [kind, secret] of Object.entries(secrets)) expect(receiver.bodies().includes(secret), kind).toBe(false)
  // They were there to be found.
  expect(readFileSync(join(outside, 'traces', 'jsonl'), 'utf8').split('[redacted]').length).toBeGreaterThan(10)
  expect(readFileSync(join(profile, 'moru.db')).includes('[redacted]')).toBe(true)
})
