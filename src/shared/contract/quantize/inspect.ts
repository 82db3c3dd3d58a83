/** A look into matrices and activations. */
import { z } from 'zod'
import { defineRoute, defineStream } from '../core'
import { calibration, matrixRole, modelName } from './recipe'

/** Counts in equal bins from `from` to `to`. */
export const histogram = z.object({ from: z.number(), to: z.number(), counts: z.array(z.number()) })
export type Histogram = z.infer<typeof histogram>

/** Means over cells of a part of a matrix, row by row; cells are single weights when `cellRows` and `cellCols` are 1. */
export const matrixPicture = z.object({
  rows: z.number().int(),
  cols: z.number().int(),
  cellRows: z.number().int(),
  cellCols: z.number().int(),
  before: z.array(z.number()),
  after: z.array(z.number()),
  /** Of after - before: root mean squares, which means would hide; signed differences where a cell is a single weight. */
  difference: z.array(z.number()),
})
export type MatrixPicture = z.infer<typeof matrixPicture>

export const matrixView = z.object({
  name: z.string(),
  rows: z.number().int(),
  cols: z.number().int(),
  before: z.object({ type: z.string(), histogram }),
  after: z.object({
    type: z.string(),
    histogram,
    /** Values that the weights of the middle row's first group can take. */
    levels: z.array(z.number()),
    group: z.number().int().nullable(),
    /** How often each code occurs in the matrix; empty where there are no codes. */
    codes: z.array(z.number()),
  }),
  /** Of after - before. */
  error: histogram,
  weightMse: z.number(),
  picture: matrixPicture,
})
export type MatrixView = z.infer<typeof matrixView>

/** Matrices that two models share, for choosing one. */
export const inspectMatrices = defineRoute('inspect.matrices', {
  input: z.object({ models: z.tuple([modelName, modelName]) }),
  output: z.array(
    z.object({
      name: z.string(),
      layer: z.number().int().nullable(),
      role: matrixRole,
      rows: z.number().int(),
      cols: z.number().int(),
      types: z.tuple([z.string(), z.string()]),
    }),
  ),
})

/** One matrix in the original and in the quantized model, both as real values. */
export const inspectMatrix = defineRoute('inspect.matrix', {
  input: z.object({
    models: z.tuple([modelName, modelName]),
    name: z.string().min(1).max(200),
    bins: z.number().int().min(8).max(512).default(128),
    /** The part to draw; rows and cols 0: all from there on. */
    part: z
      .object({
        row: z.number().int().min(0),
        col: z.number().int().min(0),
        rows: z.number().int().min(0),
        cols: z.number().int().min(0),
      })
      .prefault({ row: 0, col: 0, rows: 0, cols: 0 }),
    /** Cells of the picture a side, at most. */
    cells: z.number().int().min(1).max(512).default(192),
  }),
  output: matrixView,
})

export const activationChannels = z.object({
  /** The matrices that read them: 'blk.3.attn_q.weight' stands for q, k and v. */
  name: z.string(),
  layer: z.number().int().nullable(),
  role: matrixRole,
  channels: z.number().int(),
  /** Over all channels. */
  meanAbs: z.number(),
  /** Largest absolute value of each channel, in the channels' order. */
  maxAbs: z.array(z.number()),
  /** Channels that somewhere pass LLM.int8()'s threshold of 6. */
  outliers: z.array(z.object({ channel: z.number().int(), maxAbs: z.number(), share: z.number() })),
})
export type ActivationChannels = z.infer<typeof activationChannels>

/** What every matrix of a model gets to read on a text, channel by channel; layers come as they are computed. */
export const inspectActivations = defineStream('inspect.activations', {
  input: z.object({ model: modelName, calibration: calibration.prefault({}) }),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('progress'), done: z.number(), total: z.number() }),
    z.object({ kind: z.literal('layer'), inputs: z.array(activationChannels) }),
    z.object({ kind: z.literal('finished'), threshold: z.number() }),
  ]),
})
