/** How much each input of a model's matrices counts, as a file. */
import { z } from 'zod'
import { defineStream } from '../core'
import { calibration, modelName } from './recipe'

export const importanceFile = z.object({
  path: z.string(),
  /** Matrices that it tells of. */
  matrices: z.number().int(),
  /** Those that were read. */
  tokens: z.number().int(),
  calibration: z.object({ name: z.string(), sha256: z.string() }),
  elapsedMs: z.number(),
})
export type ImportanceFile = z.infer<typeof importanceFile>

/**
 * Measures the mean square of every input on a text and writes llama.cpp's importance matrix (imatrix): GGUF where the path ends in .gguf,
 * else its older format. A job of the kind 'imatrix', which ends when the caller leaves; then there is no file.
 */
export const importanceRun = defineStream('importance.run', {
  input: z.object({ model: modelName, calibration: calibration.prefault({}), path: z.string().min(1).max(4096) }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), jobId: z.string(), done: z.number().int(), total: z.number().int() }),
    z.object({ kind: z.literal('finished'), file: importanceFile }),
  ]),
})
