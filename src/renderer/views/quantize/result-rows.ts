/** Finished runs as figures: what the table, the scatter and the exports show. */
import { type Comparison, type QuantizeRun } from '../../../shared/contract/quantize'
import { type FigureTable } from '../../composables/table-text'

export interface ResultRow {
  run: QuantizeRun
  name: string
  sizeBytes: number
  bitsPerWeight: number
  /** On the text that is shown; null: not compared on it yet. */
  comparison: Comparison | null
  /** No other run of the same model is both smaller and closer. */
  best: boolean
}

/** Texts that runs were compared on, by their hash and windows: the same key means the same tokens. */
const textKey = ({ text }: Comparison): string => [text.sha256, text.window, text.windows, text.skip].join(' ')

export interface ComparedText {
  key: string
  path: string
  window: number
  windows: number
  skip: number
  runs: number
}

export function comparedTexts(runs: QuantizeRun[]): ComparedText[] {
  const texts = new Map<string, ComparedText>()
  for (const comparison of runs.flatMap((run) => run.comparisons)) {
    const key = textKey(comparison)
    const { path, window, windows, skip } = comparison.text
    const known = texts.get(key) ?? { key, path, window, windows, skip, runs: 0 }
    texts.set(key, { ...known, runs: known.runs + 1 })
  }
  return [...texts.values()].sort((a, b) => b.runs - a.runs)
}

export function resultRows(runs: QuantizeRun[], key: string | null, nameOf: (run: QuantizeRun) => string): ResultRow[] {
  const rows = runs.map((run) => ({
    run,
    name: nameOf(run),
    sizeBytes: run.result.sizeBytes,
    bitsPerWeight: run.result.bitsPerWeight,
    comparison: run.comparisons.find((c) => textKey(c) === key) ?? null,
    best: false,
  }))
  return rows.map((row) => ({ ...row, best: isBest(row, rows) }))
}

/** On the Pareto front of size and divergence. */
function isBest(row: ResultRow, rows: ResultRow[]): boolean {
  const { comparison } = row
  if (!comparison) return false
  return !rows.some(
    (other) =>
      other.comparison &&
      other.run.source.path === row.run.source.path &&
      other.sizeBytes <= row.sizeBytes &&
      other.comparison.kld <= comparison.kld &&
      (other.sizeBytes < row.sizeBytes || other.comparison.kld < comparison.kld),
  )
}

type ResultWords = Record<
  'recipe' | 'model' | 'size' | 'bitsPerWeight' | 'perplexity' | 'kld' | 'kldError' | 'sameTop1' | 'rmsDeltaP' | 'prefill' | 'decode' | 'load',
  string
> // prettier-ignore

/** Figures unrounded, for other programs. */
export function resultTable(rows: ResultRow[], words: ResultWords): FigureTable {
  return {
    columns: [
      words.recipe, words.model, words.size, words.bitsPerWeight, words.perplexity, words.kld, words.kldError, words.sameTop1,
      words.rmsDeltaP, words.load, words.prefill, words.decode,
    ], // prettier-ignore
    rows: rows.map(({ run, name, sizeBytes, bitsPerWeight, comparison: c }) => [
      name,
      run.source.name,
      sizeBytes,
      bitsPerWeight,
      c?.perplexity[1] ?? null,
      c?.kld ?? null,
      c?.kldError ?? null,
      c?.sameTop1 ?? null,
      c?.rmsDeltaP ?? null,
      c?.models[1].loadMs ?? null,
      c?.speed?.prefill[1] ?? null,
      c?.speed?.decode[1] ?? null,
    ]),
  }
}
