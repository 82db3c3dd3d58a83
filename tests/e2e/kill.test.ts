/**
 * The host is killed twenty times while it answers: nothing that was acknowledged is lost, what was streamed is kept
 * but for the last second, the database stays whole, and the product is usable again within five seconds.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { contract } from '../../src/shared/contract'
import { type Message } from '../../src/shared/contract/chat'
import { type Client } from '../../src/main/host/client'
import { connectTo } from '../../src/main/host/connect'
import { Supervisor } from '../../src/main/supervisor/supervisor'
import { buildForNode } from '../services/host/build'
import { temporaryDirectory } from '../services/host/running'

const rounds = 20
const usableWithinMs = 5000
/** An answer that is streamed, and what calls did, is saved at least so often. */
const savedEveryMs = 1000
const callEveryMs = 40

let host: Awaited<ReturnType<typeof buildForNode>>
beforeAll(async () => {
  host = await buildForNode(join(import.meta.dirname, '../../src/main/host/index.ts'))
})
afterAll(() => host.remove())

/** Numbers from 0 to 1, the same in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What a window knows of a turn: the messages as acknowledged, and what it has on view since when. */
interface Watched {
  user: Message
  assistantId: string
  shown: { text: string; at: number }[]
}

/** Sends a question and reads the answer until the host is gone; `onDelta` is called at the first piece of text. */
async function watch(client: Client, conversationId: string, text: string, onStarted: () => void, onDelta: () => void) {
  let watched: Watched | null = null
  try {
    for await (const event of client.stream(contract.chatSend, { conversationId, parentId: null, text })) {
      if (event.kind === 'started') {
        watched = { user: event.user!, assistantId: event.assistant.id, shown: [{ text: '', at: performance.now() }] }
        onStarted()
      } else if (event.kind === 'delta') {
        const before = watched!.shown.at(-1)!.text
        watched!.shown.push({ text: before + event.text, at: performance.now() })
        onDelta()
      }
    }
  } catch (error) {
    expect(error).toMatchObject({ code: 'network' })
  }
  return watched
}

/** Calls that end at once, one after the other until the host is gone; what was asked, and when its end was known. */
async function callAgainAndAgain(client: Client, round: number): Promise<{ text: string; at: number }[]> {
  const ended: { text: string; at: number }[] = []
  for (;;) {
    const text = `부름 ${round}.${ended.length}.`
    const error = await client.request(contract.embedTexts, { model: 'none', texts: [text] }).catch((e: unknown) => e)
    if ((error as { code?: string }).code !== 'not_found') return ended
    ended.push({ text, at: performance.now() })
    await pause(callEveryMs)
  }
}

it(`keeps every message through ${rounds} kills while it answers`, async () => {
  const profile = temporaryDirectory()
  const supervisor = new Supervisor({ node: process.execPath, entry: host.file, profile })
  onTestFinished(() => supervisor.stop())
  const random = randomNumbers(20_261_124)
  const { port, token } = await supervisor.start()
  let client = await connectTo(port, token)
  const { id: conversationId } = await client.request(contract.conversationsCreate, {
    title: '끝까지 남는 대화',
    settings: { sampling: { temperature: 0, maxTokens: 400 } },
  })
  const all: { watched: Watched; killedAt: number }[] = []
  let slowest = 0
  let streamed = 0
  let traced = 0

  for (let round = 0; round < rounds; round++) {
    const { pid } = await supervisor.start()
    const started = Promise.withResolvers<void>()
    const text = Promise.withResolvers<void>()
    const question = `질문 ${round}: Tell me a long story about a blacksmith and an anvil.`
    const watching = watch(client, conversationId, question, started.resolve, text.resolve)
    const calling = callAgainAndAgain(client, round)
    // Mostly in the middle of the answer; every fourth time earlier, while the model loads or reads the prompt.
    await (round % 4 === 3 ? started.promise : text.promise)
    await pause(random() * 1000)
    process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    const watched = await watching
    expect(watched).not.toBeNull()
    all.push({ watched: watched!, killedAt })
    if (watched!.shown.length > 1) streamed += 1
    const calls = await calling

    client = await reconnect(supervisor, port, token, pid)
    const { messages } = await client.request(contract.conversationsGet, { id: conversationId })
    slowest = Math.max(slowest, performance.now() - killedAt)
    expect(performance.now() - killedAt, `round ${round}: usable again`).toBeLessThan(usableWithinMs)
    expect(messages).toHaveLength(2 * all.length)
    for (const one of all) checkKept(messages, one.watched, one.killedAt)
    expect(integrityOf(profile)).toBe('ok')
    const asked = { text: question, at: watched!.shown[0].at }
    traced += await checkTraces(client, [...calls, asked], killedAt)
  }
  expect(streamed).toBeGreaterThanOrEqual((rounds * 3) / 4)
  expect(traced).toBeGreaterThan(rounds)

  const last = contract.chatSend
  const answer = client.stream(last, { conversationId, parentId: null, text: 'What is the capital of France?' })
  let finished: Message | null = null
  for await (const event of answer) if (event.kind === 'finished') finished = event.message
  expect(finished).toMatchObject({ status: 'complete', finishReason: 'stop' })
  expect(finished!.text).toContain('Paris')
  await client.close()
  console.info(
    `${rounds} kills, ${streamed} of them while text was streamed; usable again after ${Math.round(slowest)} ms at most; ` +
      `${traced} calls were a second old, and traced`,
  )
})

/** As a window does it: tries until the host is there again. */
async function reconnect(supervisor: Supervisor, port: number, token: string, deadPid: number): Promise<Client> {
  for (;;) {
    const { state } = supervisor
    if (state.kind === 'failed') throw state.error
    if (state.kind === 'ready' && state.pid !== deadPid) return connectTo(port, token)
    await pause(20)
  }
}

/** The question is there as acknowledged; the answer is marked, and holds what was on view a second before the kill. */
function checkKept(messages: Message[], { user, assistantId, shown }: Watched, killedAt: number): void {
  expect(messages.find((m) => m.id === user.id)).toEqual(user)
  const answer = messages.find((m) => m.id === assistantId)
  expect(answer).toMatchObject({ parentId: user.id, role: 'assistant', status: 'interrupted' })
  const due = shown.findLast((s) => s.at < killedAt - savedEveryMs)?.text ?? ''
  const latest = shown.at(-1)!.text
  expect(answer!.text.length).toBeGreaterThanOrEqual(due.length)
  // What is stored may be ahead of what had reached the window, or behind it, but never another text.
  const common = Math.min(answer!.text.length, latest.length)
  expect(answer!.text.slice(0, common)).toBe(latest.slice(0, common))
}

/** Calls that were known a second before the kill are there, ended or marked. @returns how many they were. */
async function checkTraces(client: Client, calls: { text: string; at: number }[], killedAt: number): Promise<number> {
  const due = calls.filter(({ at }) => at < killedAt - savedEveryMs)
  const { traces } = await client.request(contract.tracesList, { limit: 1000 })
  const stateOf = new Map(traces.map(({ preview, state }) => [preview, state]))
  for (const { text } of due) expect(stateOf.get(text), text).toBe(text.startsWith('질문') ? 'interrupted' : 'error')
  return due.length
}

function integrityOf(profile: string): unknown {
  const db = new Database(join(profile, 'moru.db'), { readonly: true })
  try {
    return db.pragma('integrity_check', { simple: true })
  } finally {
    db.close()
  }
}
