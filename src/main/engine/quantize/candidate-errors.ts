/** What each way to quantize a block's matrices does to their outputs, from some of their rows. */
import { type Gpu } from '../device/gpu'
import { type Recorder } from '../kernels/recorder'
import { type ModelConfig } from '../models/config'
import { searchScales } from './awq'
import { type Fold, foldsOf, scaleInputs } from './fold'
import { OutputEnergy, total } from './gram'
import { type InputMoments, scaledMoments } from './layer-inputs'
import { MatrixRounder, type Rounding } from './matrix-rounder'
import { type LinearRole, type ModelMatrix } from './model-matrices'
import { type Pace } from './pace'
import { type BlockOptions } from './quantize-block'
import { valuesOf } from './rounded-matrix'

export interface Candidate {
  /** Scales the inputs first (AWQ). */
  scaled: boolean
  /** null: stays as it is. */
  rounding: Rounding | null
}

export interface CandidateContext extends Pick<BlockOptions, 'gptq' | 'awq'> {
  gpu: Gpu
  recorder: Recorder
  config: ModelConfig
  /** Those of one block, each with all its weights. */
  matrices: readonly { matrix: ModelMatrix; weights: Float32Array }[]
  candidates: (matrix: ModelMatrix) => readonly Candidate[]
  /** Of a matrix's inputs: those that methods see, and those that errors are measured on. Matrices that read the same share one. */
  seen: (role: LinearRole) => InputMoments
  heldOut: (role: LinearRole) => InputMoments
  pace: Pace
}

/** Rows of a matrix that stand for all of them: rows are rounded on their own, and candidates are compared on the same ones. */
const sampledRows = 16

/** With more bits, narrower ranges gain less (6 to 11 % of the error on a real layer, 15 % with 3 or 4), and finding them takes most of the time. */
const searchedBits = 4

/**
 * ||X (W - Q)^T||^2 / ||X W^T||^2 of each candidate, by role; 0 where the outputs are. Every candidate is judged on the same rows.
 * Throws what quantizing throws, cancelled.
 */
export async function candidateErrors(context: CandidateContext): Promise<Map<LinearRole, number[]>> {
  const found = new Map<LinearRole, number[]>()
  const readers = Map.groupBy(context.matrices, ({ matrix }) => context.seen(matrix.role))
  for (const [seen, own] of readers) {
    const group = own.map(({ matrix, weights }) => ({ matrix, rows: sample(weights, matrix) }))
    const inputs = { seen, heldOut: context.heldOut(own[0].matrix.role) }
    const scales = await scalesFor(context, group, inputs.seen)
    for (const scaled of [false, true]) await judge(context, group, inputs, scaled ? scales : null, scaled, found)
  }
  return found
}

interface Sampled {
  matrix: ModelMatrix
  rows: Float32Array<ArrayBuffer>
}
interface Inputs {
  seen: InputMoments
  heldOut: InputMoments
}

function sample(weights: Float32Array, { rows, cols }: ModelMatrix): Float32Array<ArrayBuffer> {
  const count = Math.min(rows, sampledRows)
  const out = new Float32Array(count * cols)
  for (let i = 0; i < count; i++) {
    const row = Math.floor(((i + 0.5) * rows) / count)
    out.set(weights.subarray(row * cols, (row + 1) * cols), i * cols)
  }
  return out
}

/** AWQ's scales of inputs that some candidate scales, for the bits in the middle of those candidates; null: none does, or they cannot be folded. */
async function scalesFor(context: CandidateContext, group: Sampled[], moments: InputMoments) {
  const { gpu, recorder, config, awq, pace, matrices } = context
  const [{ matrix }] = group
  const fold = foldsOf(config, new Set(matrices.map((m) => m.matrix.role))).find((f) => f.readers.includes(matrix.role))
  const rounding = middleOf(context.candidates(matrix))
  if (!fold || !rounding) return null
  const energy = await OutputEnergy.open(gpu, recorder, moments.gram, moments.cols, sampledRows)
  try {
    const { bits, group: size, symmetric } = rounding
    const weights = ownReaders(fold, group).map(({ rows }) => rows)
    const inputs = { weights, cols: moments.cols, meanAbs: moments.meanAbs, energy, shared: fold.shared }
    return await searchScales(inputs, { bits, group: size, symmetric, scaleType: 'f16', steps: awq.steps }, pace)
  } finally {
    energy.release()
  }
}

const ownReaders = ({ readers }: Fold, group: Sampled[]): Sampled[] =>
  group.filter(({ matrix }) => readers.includes(matrix.role))

function middleOf(candidates: readonly Candidate[]) {
  const scaled = candidates.flatMap(({ scaled, rounding }) =>
    scaled && rounding && 'symmetric' in rounding ? [rounding] : [],
  )
  return scaled.sort((a, b) => a.bits - b.bits).at(Math.floor(scaled.length / 2)) ?? null
}

/** Candidates that scale the inputs, or those that do not. */
async function judge(
  context: CandidateContext,
  group: Sampled[],
  { seen, heldOut }: Inputs,
  scales: Float32Array | null,
  scaled: boolean,
  found: Map<LinearRole, number[]>,
): Promise<void> {
  const { gpu, recorder, pace } = context
  if (!group.some(({ matrix }) => context.candidates(matrix).some((c) => c.scaled === scaled))) return
  const own = scales ? scaledMoments(seen, scales) : seen
  const measured = scales ? scaledMoments(heldOut, scales) : heldOut
  const rounder = new MatrixRounder(context.gptq, pace)
  const energy = await OutputEnergy.open(gpu, recorder, measured.gram, measured.cols, sampledRows)
  try {
    for (const { matrix, rows: plain } of group) {
      const rows = plain.slice()
      if (scales) scaleInputs(rows, scales)
      const all = total(await energy.of(rows))
      const candidates = context.candidates(matrix)
      const errors = found.get(matrix.role) ?? new Array<number>(candidates.length).fill(0)
      found.set(matrix.role, errors)
      for (const [i, candidate] of candidates.entries()) {
        if (candidate.scaled !== scaled || !candidate.rounding || all === 0) continue
        errors[i] = total(await energy.of(await change(rounder, rows, own, candidate.rounding))) / all
        await pace.rest()
      }
    }
  } finally {
    energy.release()
  }
}

/** Q - W. */
async function change(
  rounder: MatrixRounder,
  rows: Float32Array,
  moments: InputMoments,
  rounding: Rounding,
): Promise<Float32Array<ArrayBuffer>> {
  const quick = 'search' in rounding && rounding.bits > searchedBits ? { ...rounding, search: false } : rounding
  const rounded = valuesOf(await rounder.round(rows, moments.cols, quick, moments))
  for (let i = 0; i < rounded.length; i++) rounded[i] -= rows[i]
  return rounded
}
