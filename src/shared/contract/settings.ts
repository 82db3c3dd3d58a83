import { z } from 'zod'
import { defaultRedactions, isPattern } from '../redaction'
import { conversationSettings, id } from './chat'
import { defineRoute } from './core'
import { loadSettings } from './sampling'

/** What is kept of calls, for how long, and where it is sent. */
export const tracing = z.object({
  enabled: z.boolean().default(true),
  /** Whether what went in and came out is kept beside figures and parameters. */
  contents: z.boolean().default(true),
  /** Older traces go, unless they are rated; null: none for their age. */
  retentionDays: z.number().int().min(1).max(36_500).nullable().default(30),
  /** Beyond this the oldest go, unless they are rated. */
  maxBytes: z.number().int().min(1_000_000).max(1e12).default(500_000_000),
  /** Regular expressions; what they match is not written. */
  redactPatterns: z
    .array(z.string().min(1).max(500).refine(isPattern, 'not a regular expression, or one that matches the empty text'))
    .max(100)
    .default([...defaultRedactions]),
  /** Address of an OTLP/HTTP collector, '/v1/traces' included; null: nothing is sent. */
  otlpEndpoint: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .nullable()
    .default(null),
  /** Whether what went in and came out is sent too. */
  otlpContents: z.boolean().default(false),
})
export type Tracing = z.infer<typeof tracing>

/** How long, how much and how alike answers from documents are kept and found again. */
const answerCache = z.object({
  ageDays: z.number().int().min(1).max(3650),
  sizeMiB: z.number().int().min(1).max(16_384),
  /** Whether the answer to another question counts when both mean the same. */
  similar: z.boolean(),
  /** Cosine distance, as a share of the embedding model's spread, below which two questions may mean the same. */
  distance: z.number().min(0.01).max(0.5),
})

export const settings = z.object({
  language: z.enum(['system', 'en', 'ko']).default('system'),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  defaultModelId: z.string().nullable().default(null),
  /** Load settings by model id. */
  load: z.record(z.string(), loadSettings).default({}),
  keepTokenDetails: z.boolean().default(true),
  answerCache: answerCache.default({ ageDays: 30, sizeMiB: 64, similar: true, distance: 0.2 }),
  hub: z
    .object({
      /** Base address of the Hugging Face hub or a mirror. */
      endpoint: z.url({ protocol: /^https?$/ }).default('https://huggingface.co'),
      /** http(s) proxy for hub traffic. */
      proxy: z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      /** Whether a token is stored; the token itself never leaves the host. */
      hasToken: z.boolean().default(false),
    })
    .prefault({}),
  tracing: tracing.prefault({}),
})
export type Settings = z.infer<typeof settings>

const { shape } = tracing
/** Without defaults: what is left out stays as it is. */
const tracingPatch = z
  .object({
    enabled: shape.enabled.unwrap(),
    contents: shape.contents.unwrap(),
    retentionDays: shape.retentionDays.unwrap(),
    maxBytes: shape.maxBytes.unwrap(),
    redactPatterns: shape.redactPatterns.unwrap(),
    otlpEndpoint: shape.otlpEndpoint.unwrap(),
    otlpContents: shape.otlpContents.unwrap(),
  })
  .partial()

export const settingsGet = defineRoute('settings.get', { input: z.object({}), output: settings })
/** Merges what is given (one level deep); answers the whole. */
export const settingsUpdate = defineRoute('settings.update', {
  input: z.object({
    language: settings.shape.language.unwrap().optional(),
    theme: settings.shape.theme.unwrap().optional(),
    defaultModelId: z.string().nullable().optional(),
    load: z.record(z.string(), loadSettings).optional(),
    keepTokenDetails: z.boolean().optional(),
    answerCache: answerCache.partial().optional(),
    hub: z
      .object({ endpoint: z.url({ protocol: /^https?$/ }), proxy: z.url({ protocol: /^https?$/ }).nullable() })
      .partial()
      .optional(),
    tracing: tracingPatch.optional(),
  }),
  output: settings,
})
/** Stores or (null) forgets the hub's access token. It is write-only. */
export const settingsSetHubToken = defineRoute('settings.setHubToken', {
  input: z.object({ token: z.string().min(1).max(500).nullable() }),
  output: settings,
})

export const preset = z.object({
  id,
  name: z.string().min(1).max(200),
  settings: conversationSettings.omit({ modelId: true, collectionIds: true, answerCache: true }),
  load: loadSettings.nullable(),
})
export type Preset = z.infer<typeof preset>
export const presetsList = defineRoute('presets.list', { input: z.object({}), output: z.array(preset) })
export const presetsSave = defineRoute('presets.save', { input: preset.extend({ id: id.nullable() }), output: preset })
export const presetsRemove = defineRoute('presets.remove', { input: z.object({ id }), output: z.object({}) })

/** Writes the whole profile (database and settings, not weights) into one file on the host. */
export const profileBackup = defineRoute('profile.backup', {
  input: z.object({ path: z.string().min(1).max(4096) }),
  output: z.object({ path: z.string(), sizeBytes: z.number() }),
})
/** Replaces the profile by a backup after checking it; the profile before is kept beside it. The host restarts. */
export const profileRestore = defineRoute('profile.restore', {
  input: z.object({ path: z.string().min(1).max(4096) }),
  output: z.object({}),
})
