import { z } from 'zod'
import { ceiling, device } from './ceilings'
import { defineStream } from './core'
import { loadSettings } from './sampling'

export const benchSuite = z.enum(['decode', 'prefill', 'batch', 'matmul', 'embed', 'search'])
export type BenchSuite = z.infer<typeof benchSuite>

export const benchResult = z.object({
  /** decode, prefill_512, batch_8, matmul_q4, matvec_q4, embed_passages, embed_query, search_exact, search_hnsw and so on. */
  name: z.string(),
  /** Median of the repetitions. */
  value: z.number(),
  unit: z.enum(['tokens/s', 'GFLOP/s', 'passages/s', 'ms']),
  /**
   * What the ceilings would allow, in the same unit: the limit by arithmetic or by memory, whichever is tighter. Search is the
   * processor's work: what reading its memory once would take in the same run.
   */
  roofline: z.number(),
  /** value / roofline; of times roofline / value. */
  ratio: z.number(),
  /** Of the repetitions: (largest - smallest) / median. */
  spread: z.number(),
  /** Of search_hnsw: the share of the ten nearest that the graph finds. */
  recallAt10: z.number().optional(),
})
export type BenchResult = z.infer<typeof benchResult>

/** Measured batches against the model: a step takes the longer of its arithmetic and of moving the weights. */
export const batchReport = z.object({
  model: z.string(),
  bitsPerWeight: z.number(),
  flopsPerToken: z.number(),
  weightBytes: z.number(),
  /** B*: from here on arithmetic takes longer than moving the weights. */
  predictedBatch: z.number(),
  /** Where the measured times of a step bend; null where they do not tell. */
  measuredKnee: z.number().nullable(),
  /** Of which each point is the median. */
  repetitions: z.number().int().optional(),
  points: z.array(
    z.object({
      batch: z.number().int(),
      tokensPerSecond: z.number(),
      /** Of its repetitions: (largest - smallest) / median. Missing in runs of earlier versions. */
      spread: z.number().optional(),
      /** Of one step, which is a token of every sequence. */
      stepMs: z.number(),
      /** The model's two parts of a step. */
      computeMs: z.number(),
      transferMs: z.number(),
    }),
  ),
})
export type BatchReport = z.infer<typeof batchReport>

export const benchReport = z.object({
  device,
  /** Measured in turn with the results. */
  ceilings: z.array(ceiling),
  results: z.array(benchResult),
  /** null where no batch was measured. */
  batch: batchReport.nullable().default(null),
})
export type BenchReport = z.infer<typeof benchReport>

/** Measures the engine on this machine. A job: it stands in the run history, and ends when the caller leaves. */
export const benchRun = defineStream('bench.run', {
  input: z.object({
    suites: z
      .array(benchSuite)
      .min(1)
      .default([...benchSuite.options]),
    /** A library id or a path; null: the default model, for embed the default embedding model. Not used by matmul and search. */
    model: z.string().min(1).max(4096).nullable().default(null),
    load: loadSettings.prefault({}),
    repetitions: z.number().int().min(1).max(100).default(3),
    /** Sequences together, for the suite batch. */
    batchSizes: z.array(z.number().int().min(1).max(64)).min(1).max(16).default([1, 2, 4, 8, 16, 32]),
    /** Vectors that are searched. */
    vectors: z.number().int().min(1000).max(1_000_000).default(100_000),
  }),
  event: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('progress'),
      jobId: z.string(),
      done: z.number(),
      total: z.number(),
      /** What is measured now. */
      name: z.string(),
    }),
    z.object({ kind: z.literal('finished'), report: benchReport }),
  ]),
})
