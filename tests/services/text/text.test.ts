/** text.tokenize, text.generate and text.score over the composed host: what the command line does not reach. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { textGenerate, textScore, textTokenize } from '../../../src/shared/contract/text'
import { type Client } from '../../../src/main/host/client'
import { composed } from '../host/composed'

const root = join(import.meta.dirname, '../../..')
const vocabularies = join(root, 'tests/golden/tokenizers/sentencepiece')

let folder: string
/** A random model with a vocabulary that is none of its own: enough to count and to stop. */
let tiny: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moru-text-'))
  tiny = join(folder, 'tiny')
  cpSync(join(root, 'tests/golden/tiny-models/llama-gqa'), tiny, { recursive: true })
  cpSync(join(vocabularies, 'spm-bpe.model'), join(tiny, 'tokenizer.model'))
  return () => rmSync(folder, { recursive: true, force: true })
})

const client = async (): Promise<Client> => (await composed(mkdtempSync(join(folder, 'profile-')))).client

async function last<T>(events: AsyncIterable<T>): Promise<T> {
  let found: T | undefined
  for await (const event of events) found = event
  return found!
}

it('tokenizes with a folder that holds nothing but a SentencePiece model', async () => {
  const own = join(folder, 'vocabulary')
  cpSync(join(vocabularies, 'spm-bpe.model'), join(own, 'tokenizer.model'))
  const host = await client()
  const text = '모루와 망치'
  const ofFolder = await host.request(textTokenize, { model: own, text })
  const ofGguf = await host.request(textTokenize, { model: join(vocabularies, 'spm-bpe.gguf'), text })
  expect(ofFolder.ids).toEqual(ofGguf.ids)
  expect(ofFolder.tokens).toHaveLength(ofFolder.ids.length)
})

it('generates with log-probabilities of the best alternatives', async () => {
  const host = await client()
  const events = host.stream(textGenerate, {
    model: tiny,
    source: { kind: 'ids', ids: [1, 5, 9] },
    sampling: { temperature: 0, maxTokens: 3 },
    logprobs: 2,
  })
  const details = []
  for await (const event of events) if (event.kind === 'token') details.push(event.detail)
  expect(details).toHaveLength(3)
  for (const detail of details) {
    expect(detail!.top).toHaveLength(2)
    // Greedy: the chosen token is the best.
    expect(detail!.logprob).toBe(detail!.top[0].logprob)
    expect(detail!.top[0].logprob).toBeGreaterThanOrEqual(detail!.top[1].logprob)
    expect(Math.exp(detail!.top[0].logprob)).toBeLessThan(1)
  }
})

it('says that a model without a template is not for chat', async () => {
  const host = await client()
  const source = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'hi' }] }
  await expect(last(host.stream(textGenerate, { model: tiny, source }))).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('chat'),
  })
})

it('refuses a conversation that the assistant has ended', async () => {
  const host = await client()
  const messages = [
    { role: 'user' as const, content: 'hi' },
    { role: 'assistant' as const, content: 'hello' },
  ]
  const events = host.stream(textGenerate, { model: null, source: { kind: 'chat', messages } })
  await expect(last(events)).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringContaining('nothing to answer'),
  })
})

it('scores no text that is not UTF-8, or too short', async () => {
  const host = await client()
  const score = (bytes: Uint8Array) => {
    const path = join(folder, 'text.txt')
    writeFileSync(path, bytes)
    return last(host.stream(textScore, { model: null, path, window: 16, windows: 1 }))
  }
  await expect(score(Uint8Array.of(0xb8, 0xf0, 0xb7, 0xe7))).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringContaining('not UTF-8'),
  })
  await expect(score(new TextEncoder().encode('Short.'))).rejects.toMatchObject({ code: 'invalid_input' })
  expect(await score(new TextEncoder().encode('망치와 모루. '.repeat(20)))).toMatchObject({
    kind: 'finished',
    tokens: 15,
  })
})

it('stops scoring when it is asked to', async () => {
  const host = await client()
  const path = join(root, 'tests/fixtures/text.txt')
  const stop = new AbortController()
  const events = host.stream(textScore, { model: null, path, window: 256, windows: 2 }, { signal: stop.signal })
  let cancelledAt = 0
  await expect(
    (async () => {
      for await (const event of events)
        if (event.kind === 'progress' && !stop.signal.aborted) {
          cancelledAt = performance.now()
          stop.abort()
        }
    })(),
  ).rejects.toMatchObject({ code: 'cancelled' })
  expect(performance.now() - cancelledAt).toBeLessThan(3000)
})
