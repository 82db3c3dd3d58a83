import { z } from 'zod'
import { defineRoute, defineStream } from './core'
import { loadSettings } from './sampling'

export const doctorReport = z.object({
  adapter: z.string().nullable(),
  driver: z.string().nullable(),
  backend: z.string().nullable(),
  software: z.boolean(),
  features: z.array(z.string()),
  limits: z.record(z.string(), z.number()),
  node: z.string(),
  versions: z.record(z.string(), z.string()),
  /** What is missing and what that costs, each a sentence. */
  notes: z.array(z.string()),
})
export type DoctorReport = z.infer<typeof doctorReport>

export const engineDoctor = defineRoute('engine.doctor', { input: z.object({}), output: doctorReport })

export const engineStatus = z.object({
  adapter: z.string().nullable(),
  software: z.boolean(),
  state: z.enum(['no_adapter', 'idle', 'loading', 'ready', 'generating', 'lost']),
  memoryBytes: z.number(),
  tokensPerSecond: z.number().nullable(),
  model: z
    .object({
      id: z.string(),
      name: z.string(),
      load: loadSettings,
      contextLength: z.number(),
      kvBlocksUsed: z.number(),
      kvBlocksTotal: z.number(),
    })
    .nullable(),
})
export type EngineStatus = z.infer<typeof engineStatus>

/** The state at once, then whenever it changes (twice a second at most while generating). */
export const engineFollow = defineStream('engine.follow', { input: z.object({}), event: engineStatus })
