/** A small host in memory: enough of every route for the window to be used. */
import { conversationSettings, type Conversation, type Message } from '../../../src/shared/contract/chat'
import { type Job } from '../../../src/shared/contract/jobs'
import { type OutputOf } from '../../../src/shared/contract'
import { type cacheStats, type Collection, type Document } from '../../../src/shared/contract/knowledge'
import { type ModelSummary } from '../../../src/shared/contract/models'
import { type Preset, settings as settingsSchema } from '../../../src/shared/contract/settings'
import { type QuantizeRun } from '../../../src/shared/contract/quantize'
import { MoruError } from '../../../src/shared/errors'
import { chatHandlers } from './chat-handlers'
import { knowledgeHandlers } from './knowledge-handlers'
import { modelHandlers } from './model-handlers'
import { type Profile, profilerHandlers } from './profile-handlers'
import { quantizeHandlers } from './quantize-handlers'
import { type RunSummary } from '../../../src/shared/contract/runs'
import { type TraceDetail } from '../../../src/shared/contract/traces'
import { traceHandlers } from './trace-handlers'
import { aConversation, aModel, aStatus } from './samples'
import { type Handlers } from './test-host'

export interface World {
  conversations: Map<string, Conversation>
  removed: Map<string, Conversation>
  messages: Map<string, Message>
  collections: Map<string, Collection>
  documents: Document[]
  cache: OutputOf<typeof cacheStats>
  models: ModelSummary[]
  presets: Preset[]
  jobs: Job[]
  traces: Map<string, TraceDetail>
  runs: RunSummary[]
  profiles: Profile[]
  /** Oldest first. */
  quantizations: QuantizeRun[]
  settings: ReturnType<typeof settingsSchema.parse>
  status: ReturnType<typeof aStatus>
  /** What the next answers say, one character an event. */
  answer: { text: string; reasoning?: string; everyMs: number }
  /** Thrown by the next turn instead of an answer. */
  refuseWith: MoruError | null
  nextId: number
}

export const aWorld = (change: Partial<World> = {}): World => ({
  conversations: new Map(),
  removed: new Map(),
  messages: new Map(),
  collections: new Map(),
  documents: [],
  cache: { entries: 4, sizeBytes: 12_345, exactHits: 3, similarHits: 1, misses: 4, savedMs: 65_000 },
  models: [aModel()],
  presets: [],
  jobs: [],
  traces: new Map(),
  runs: [],
  profiles: [],
  quantizations: [],
  settings: settingsSchema.parse({}),
  status: aStatus(),
  answer: { text: 'An anvil is a block of iron.', everyMs: 1 },
  refuseWith: null,
  nextId: 1,
  ...change,
})

/** Waits, or until the signal fires. */
export const pause = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

export function find<T>(map: Map<string, T>, id: string): T {
  const found = map.get(id)
  if (!found) throw new MoruError('not_found', `There is nothing with the id ${id}.`)
  return found
}

async function* whileThere<T>(value: () => T, signal: AbortSignal) {
  let said = ''
  while (!signal.aborted) {
    const now = JSON.stringify(value())
    if (now !== said) yield value()
    said = now
    await pause(50, signal)
  }
}

function conversationHandlers(world: World) {
  return {
    conversationsList: ({ search }) =>
      [...world.conversations.values()]
        .map((c) => {
          const hit = [...world.messages.values()].find((m) => m.conversationId === c.id && m.text.includes(search))
          return {
            ...c,
            snippet: search && hit ? hit.text.slice(0, 80) : null,
            found: c.title.includes(search) || !!hit,
          }
        })
        .filter((c) => c.found),
    conversationsGet: ({ id }) => ({
      conversation: find(world.conversations, id),
      messages: [...world.messages.values()].filter((m) => m.conversationId === id),
    }),
    conversationsCreate: ({ title, settings }) => {
      const base = aConversation().settings
      const created = aConversation({
        id: `c${world.nextId++}`,
        title,
        settings: conversationSettings.parse({ ...base, ...settings }),
        createdAt: Date.now(),
        updatedAt: Date.now(),
      })
      world.conversations.set(created.id, created)
      return created
    },
    conversationsUpdate: ({ id, settings, ...change }) => {
      const conversation = find(world.conversations, id)
      Object.assign(conversation, change)
      Object.assign(conversation.settings, settings)
      return conversation
    },
    conversationsRemove: ({ id }) => {
      world.removed.set(id, find(world.conversations, id))
      world.conversations.delete(id)
      return {}
    },
    conversationsRestore: ({ id }) => {
      world.conversations.set(id, find(world.removed, id))
      return find(world.conversations, id)
    },
    conversationsExport: ({ id, format }) => ({
      fileName: `${id}.${format === 'json' ? 'json' : 'md'}`,
      text: '# Export',
    }),
  } satisfies Partial<Handlers>
}

function settingsHandlers(world: World) {
  return {
    settingsGet: () => world.settings,
    settingsUpdate: ({ hub, tracing, answerCache, ...change }) => {
      const before = world.settings
      const merged = {
        hub: { ...before.hub, ...hub },
        tracing: { ...before.tracing, ...tracing },
        answerCache: { ...before.answerCache, ...answerCache },
      }
      world.settings = { ...world.settings, ...change, ...merged }
      return world.settings
    },
    settingsSetHubToken: ({ token }) => {
      world.settings.hub.hasToken = token !== null
      return world.settings
    },
    presetsList: () => world.presets,
    presetsSave: (preset) => {
      const saved = { ...preset, id: preset.id ?? `p${world.nextId++}` }
      world.presets = [...world.presets.filter((p) => p.id !== saved.id), saved]
      return saved
    },
    presetsRemove: ({ id }) => {
      world.presets = world.presets.filter((p) => p.id !== id)
      return {}
    },
    profileBackup: ({ path }) => ({ path, sizeBytes: 2_345_678 }),
    profileRestore: ({ path }) => {
      throw new MoruError('invalid_file', `${path} is not a backup of Moru: it begins with other bytes.`)
    },
  } satisfies Partial<Handlers>
}

function engineHandlers(world: World) {
  return {
    engineDoctor: () => ({
      adapter: world.status.adapter,
      driver: 'Mesa 25.0.7',
      backend: 'vulkan',
      software: world.status.software,
      features: ['shader-f16', 'subgroups', 'timestamp-query'],
      limits: { maxStorageBufferBindingSize: 134_217_728, maxBufferSize: 4_294_967_296 },
      node: 'v24.21.0',
      versions: { webgpu: '0.6.2' },
      notes: ['The adapter is software: expect about a tenth of the speed of a small graphics card.'],
    }),
    engineFollow: (_, signal) => whileThere(() => world.status, signal),
    async *jobsFollow(_, signal) {
      const said = new Map<string, string>()
      while (!signal.aborted) {
        for (const job of world.jobs) {
          if (said.get(job.id) !== JSON.stringify(job)) yield job
          said.set(job.id, JSON.stringify(job))
        }
        await pause(50, signal)
      }
    },
    jobsList: () => world.jobs,
    jobsCancel: ({ id }) => {
      const job = world.jobs.find((j) => j.id === id)
      if (job) Object.assign(job, { state: 'cancelled', endedAt: Date.now() })
      return {}
    },
    jobsRepeat: ({ id }) => {
      const job = world.jobs.find((j) => j.id === id)
      if (job) Object.assign(job, { state: 'running', endedAt: null })
      return { jobId: id }
    },
  } satisfies Partial<Handlers>
}

/** All routes that the window uses. */
export const handlersFor = (world: World): Partial<Handlers> => ({
  ...conversationHandlers(world),
  ...chatHandlers(world),
  ...knowledgeHandlers(world),
  ...modelHandlers(world),
  ...quantizeHandlers(world),
  ...settingsHandlers(world),
  ...engineHandlers(world),
  ...profilerHandlers(world),
  ...traceHandlers(world),
})
