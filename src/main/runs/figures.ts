/** What a run's parameters and result say in figures: nested values by their paths, named rows by their names. */

/** A result of thousands of rows has its figures in the result itself. */
const mostFigures = 300
/** Longer lists are data, not figures. */
const longestList = 4

type Leaf = [path: string, value: unknown]

/** Numbers by name: {a: {b: 1}} is a.b; rows with a name and a value are called by that name. */
export function metricsOf(result: Record<string, unknown> | null): Record<string, number> {
  const metrics: Record<string, number> = {}
  let count = 0
  for (const [path, value] of leaves(result ?? {}, '')) {
    if (typeof value !== 'number' || !Number.isFinite(value)) continue
    metrics[path] = value
    if (++count === mostFigures) break
  }
  return metrics
}

/** Units of metrics whose rows name one beside the value. */
export function unitsOf(result: Record<string, unknown> | null): Record<string, string> {
  const rows = [...namedRows(result ?? {}, '')]
  return Object.fromEntries(rows.flatMap(([name, { unit }]) => (typeof unit === 'string' ? [[name, unit]] : [])))
}

/** Parameters as texts by name. */
export function parametersOf(parameters: Record<string, unknown>): Record<string, string> {
  const texts = [...leaves(parameters, '')].slice(0, mostFigures)
  return Object.fromEntries(
    texts.map(([path, value]) => [path, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

function* leaves(value: unknown, path: string): Generator<Leaf> {
  const below = (name: string) => (path === '' ? name : `${path}.${name}`)
  if (Array.isArray(value)) {
    if (value.every(isRow)) for (const [name, row] of namedRows(value, path)) yield* rowLeaves(name, row)
    else if (value.length <= longestList) for (const [i, one] of value.entries()) yield* leaves(one, below(String(i)))
  } else if (isRow(value)) for (const [name, one] of Object.entries(value)) yield* leaves(one, below(name))
  else if (value !== undefined && value !== null) yield [path, value]
}

type Row = Record<string, unknown>
const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Rows of the tables within a value. A row is called by what tells it apart; 'results' says nothing. */
function* namedRows(value: unknown, path: string): Generator<[name: string, Row]> {
  if (Array.isArray(value))
    for (const row of value.filter(isRow)) {
      const marks = ['name', 'mode', 'phase', 'policy'].flatMap((key) =>
        typeof row[key] === 'string' ? [row[key]] : [],
      )
      if (marks.length === 0) continue
      if (row.rerank === true) marks.push('rerank')
      yield [[...(path === '' || path === 'results' ? [] : [path]), ...marks].join('.'), row]
    }
  else if (isRow(value))
    for (const [name, one] of Object.entries(value)) yield* namedRows(one, path === '' ? name : `${path}.${name}`)
}

function* rowLeaves(name: string, row: Row): Generator<Leaf> {
  const figures = Object.entries(row).filter(([, value]) => typeof value === 'number')
  for (const [key, value] of figures) yield [key === 'value' ? name : `${name}.${key}`, value]
}

/** Files that a result names. */
export function artefactsOf(result: Record<string, unknown> | null): string[] {
  const paths = ['path', 'folder', 'file', 'out'].flatMap((key) =>
    typeof result?.[key] === 'string' ? [result[key]] : [],
  )
  return [...new Set(paths)]
}
