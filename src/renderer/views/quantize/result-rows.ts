/** Finished runs as figures: what the table, the scatter and the exports show. */
import { type Comparison, type EmbeddingComparison, type QuantizeRun } from '../../../shared/contract/quantize'
import { type FigureTable } from '../../composables/table-text'

/** `C`: what the run's model was compared by. */
export interface ResultRow<C = Comparison> {
  run: QuantizeRun
  name: string
  sizeBytes: number
  bitsPerWeight: number
  /** On the text that is shown; null: not compared on it yet. */
  comparison: C | null
  /** How far from the original, 0 for nothing at all; null: not known. */
  loss: number | null
  /** No other run of the same model is both smaller and closer. */
  best: boolean
}

/** Something that runs were compared on: the same key means the same tokens. */
export interface Measured {
  key: string
  runs: number
}

/** The texts and sets of comparisons, those of most runs first. */
function measuredOn<C, M extends Measured>(comparisons: C[], of: (comparison: C) => Omit<M, 'runs'>): M[] {
  const found = new Map<string, M>()
  for (const comparison of comparisons) {
    const own = of(comparison)
    found.set(own.key, { ...own, runs: (found.get(own.key)?.runs ?? 0) + 1 } as M)
  }
  return [...found.values()].sort((a, b) => b.runs - a.runs)
}

/** Texts that runs were compared on, by their hash and windows. */
const textKey = ({ text }: Comparison): string => [text.sha256, text.window, text.windows, text.skip].join(' ')

export interface ComparedText extends Measured {
  path: string
  window: number
  windows: number
  skip: number
}

export const comparedTexts = (runs: QuantizeRun[]): ComparedText[] =>
  measuredOn(
    runs.flatMap((run) => run.comparisons),
    (comparison) => {
      const { path, window, windows, skip } = comparison.text
      return { key: textKey(comparison), path, window, windows, skip }
    },
  )

/** Passages and a set that embedding models were compared on. */
const passagesKey = ({ text, passages, retrieval }: EmbeddingComparison): string =>
  [text.sha256, passages, retrieval?.path].join(' ')

export interface ComparedPassages extends Measured {
  /** null: the set's own passages. */
  path: string | null
  limit: number
  passages: number
  set: string | null
}

export const comparedPassages = (runs: QuantizeRun[]): ComparedPassages[] =>
  measuredOn(
    runs.flatMap((run) => run.embeddings),
    (comparison) => {
      const { passages, text, retrieval } = comparison
      return {
        key: passagesKey(comparison),
        path: text.path,
        limit: text.limit,
        passages,
        set: retrieval?.path ?? null,
      }
    },
  )

type NameOf = (run: QuantizeRun) => string

/** Runs of models that write text, by their divergence. */
export const resultRows = (runs: QuantizeRun[], key: string | null, nameOf: NameOf): ResultRow[] =>
  rowsOf(
    runs.filter((run) => !run.result.encoder),
    nameOf,
    (run) => run.comparisons.find((c) => textKey(c) === key) ?? null,
    (comparison) => comparison.kld,
  )

/** Runs of embedding models, by what their mean cosine lacks of 1. */
export const embeddingRows = (
  runs: QuantizeRun[],
  key: string | null,
  nameOf: NameOf,
): ResultRow<EmbeddingComparison>[] =>
  rowsOf(
    runs.filter((run) => run.result.encoder),
    nameOf,
    (run) => run.embeddings.find((c) => passagesKey(c) === key) ?? null,
    (comparison) => Math.max(0, 1 - comparison.cosine),
  )

function rowsOf<C>(
  runs: QuantizeRun[],
  nameOf: NameOf,
  comparisonOf: (run: QuantizeRun) => C | null,
  lossOf: (comparison: C) => number,
): ResultRow<C>[] {
  const rows = runs.map((run) => {
    const comparison = comparisonOf(run)
    return {
      run,
      name: nameOf(run),
      sizeBytes: run.result.sizeBytes,
      bitsPerWeight: run.result.bitsPerWeight,
      comparison,
      loss: comparison && lossOf(comparison),
      best: false,
    }
  })
  return rows.map((row) => ({ ...row, best: isBest(row, rows) }))
}

/** On the Pareto front of size and loss. */
function isBest<C>(row: ResultRow<C>, rows: ResultRow<C>[]): boolean {
  const { loss } = row
  if (loss === null) return false
  return !rows.some(
    (other) =>
      other.loss !== null &&
      other.run.source.path === row.run.source.path &&
      other.sizeBytes <= row.sizeBytes &&
      other.loss <= loss &&
      (other.sizeBytes < row.sizeBytes || other.loss < loss),
  )
}

export interface FigureColumn<C> {
  title: string
  of: (comparison: C) => number | null
}

/** Figures unrounded, for other programs. */
export function resultTable<C>(
  rows: ResultRow<C>[],
  words: Record<'recipe' | 'model' | 'size' | 'bitsPerWeight', string>,
  figures: FigureColumn<C>[],
): FigureTable {
  return {
    columns: [words.recipe, words.model, words.size, words.bitsPerWeight, ...figures.map((f) => f.title)],
    rows: rows.map(({ run, name, sizeBytes, bitsPerWeight, comparison }) => [
      name,
      run.source.name,
      sizeBytes,
      bitsPerWeight,
      ...figures.map((f) => comparison && f.of(comparison)),
    ]),
  }
}
