/** The same model in another format, element type or number of files. */
import { z } from 'zod'
import { defineStream } from '../core'
import { modelName } from './recipe'

/** Element types of matrices that conversion writes. */
export const convertType = z.enum(['f32', 'f16', 'bf16', 'q8_0'])

export const conversion = z.object({
  /** What to open: the file, its first shard, or the folder. */
  path: z.string(),
  format: z.enum(['gguf', 'safetensors']),
  sizeBytes: z.number(),
  /** Weight files written. */
  files: z.number().int(),
  bitsPerWeight: z.number(),
  /** How many weights each element type holds. */
  types: z.record(z.string(), z.number()),
  /** What the source's weights were, and whether they had been quantized before: that loss stays. */
  source: z.object({ path: z.string(), quantization: z.string(), quantized: z.boolean() }),
  elapsedMs: z.number(),
})
export type Conversion = z.infer<typeof conversion>

/**
 * Writes a model anew: a path that ends in .gguf becomes GGUF, any other a safetensors folder. A job of the kind 'convert', which ends
 * when the caller leaves; then nothing is left of what it wrote.
 */
export const convertRun = defineStream('convert.run', {
  input: z.object({
    model: modelName,
    path: z.string().min(1).max(4096),
    /** null: as the weights are; f16 where the format has no such type. */
    type: convertType.nullable().default(null),
    /** Most bytes of weights in a file; null: one file. */
    shardBytes: z.number().int().min(1_000_000).nullable().default(null),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), jobId: z.string(), doneBytes: z.number(), totalBytes: z.number() }),
    z.object({ kind: z.literal('finished'), conversion }),
  ]),
})
