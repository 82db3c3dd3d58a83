/** Figures of retrieval over queries with known relevant documents; definitions in docs/knowledge.md. */
import { type RetrievalMetrics } from '../../../shared/contract/knowledge'

/** One query's ranking of documents, best first, and the grades of what is relevant (above 0). */
export interface Ranked {
  ranking: readonly string[]
  grades: ReadonlyMap<string, number>
}

export type Figures = Omit<RetrievalMetrics, 'mode' | 'rerank' | 'medianMs'>

/** Means over the queries; all 0 for none. */
export function figuresOf(queries: readonly Ranked[]): Figures {
  const mean = (score: (query: Ranked) => number) =>
    queries.length === 0 ? 0 : queries.reduce((sum, query) => sum + score(query), 0) / queries.length
  return {
    hitAt1: mean((query) => hit(query, 1)),
    hitAt5: mean((query) => hit(query, 5)),
    hitAt10: mean((query) => hit(query, 10)),
    mrrAt10: mean((query) => reciprocalRank(query, 10)),
    ndcgAt10: mean((query) => ndcg(query, 10)),
    recallAt100: mean((query) => recall(query, 100)),
    queries: queries.length,
  }
}

/** Rank of the first relevant document from 1; null when none was found. */
export function firstRelevant({ ranking, grades }: Ranked): number | null {
  const at = ranking.findIndex((id) => (grades.get(id) ?? 0) > 0)
  return at < 0 ? null : at + 1
}

const hit = (query: Ranked, k: number) => ((firstRelevant(query) ?? Infinity) <= k ? 1 : 0)

function reciprocalRank(query: Ranked, k: number): number {
  const rank = firstRelevant(query)
  return rank !== null && rank <= k ? 1 / rank : 0
}

/** Linear gain, log2 discount (Järvelin and Kekäläinen 2002, as trec_eval computes it). */
function ndcg({ ranking, grades }: Ranked, k: number): number {
  const gain = (values: readonly number[]) =>
    values.slice(0, k).reduce((sum, value, i) => sum + value / Math.log2(i + 2), 0)
  const positive = [...grades.values()].filter((grade) => grade > 0)
  const ideal = gain(positive.sort((a, b) => b - a))
  return ideal === 0 ? 0 : gain(ranking.map((id) => Math.max(0, grades.get(id) ?? 0))) / ideal
}

/** Share of the relevant documents among the first k. */
export function recall({ ranking, grades }: Ranked, k: number): number {
  const relevant = [...grades].filter(([, grade]) => grade > 0).map(([id]) => id)
  if (relevant.length === 0) return 0
  const found = new Set(ranking.slice(0, k))
  return relevant.filter((id) => found.has(id)).length / relevant.length
}
