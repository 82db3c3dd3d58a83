import { z } from 'zod'
import { conversationSettings, id } from './chat'
import { defineRoute } from './core'
import { loadSettings } from './sampling'

export const settings = z.object({
  language: z.enum(['system', 'en', 'ko']).default('system'),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  defaultModelId: z.string().nullable().default(null),
  /** Load settings by model id. */
  load: z.record(z.string(), loadSettings).default({}),
  keepTokenDetails: z.boolean().default(true),
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
})
export type Settings = z.infer<typeof settings>

export const settingsGet = defineRoute('settings.get', { input: z.object({}), output: settings })
/** Merges what is given (one level deep); answers the whole. */
export const settingsUpdate = defineRoute('settings.update', {
  input: z.object({
    language: settings.shape.language.unwrap().optional(),
    theme: settings.shape.theme.unwrap().optional(),
    defaultModelId: z.string().nullable().optional(),
    load: z.record(z.string(), loadSettings).optional(),
    keepTokenDetails: z.boolean().optional(),
    hub: z
      .object({ endpoint: z.url({ protocol: /^https?$/ }), proxy: z.url({ protocol: /^https?$/ }).nullable() })
      .partial()
      .optional(),
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
