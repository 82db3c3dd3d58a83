import { z } from 'zod'

/**
 * Streams of memory, read from main memory, copied there, and read from a cache; multiply-adds in 32-bit and 16-bit floats and of
 * bytes; what one dispatch, one submission and one readback take.
 */
export const ceilingName = z.enum([
  'stream_read',
  'stream_copy',
  'cache_read',
  'multiply_add',
  'multiply_add_f16',
  'dot_int8',
  'dispatch',
  'submit',
  'readback',
])
export type CeilingName = z.infer<typeof ceilingName>

/** What the device was seen to do at best. */
export const ceiling = z.object({
  name: ceilingName,
  value: z.number(),
  unit: z.enum(['GB/s', 'GFLOP/s', 'GOP/s', 'us']),
  /** (largest - smallest) / median of the repetitions. */
  spread: z.number(),
})
export type Ceiling = z.infer<typeof ceiling>

export const device = z.object({ adapter: z.string(), driver: z.string(), backend: z.string(), software: z.boolean() })
export type Device = z.infer<typeof device>
