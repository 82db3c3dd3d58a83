import { type OutputOf } from '../../../shared/contract'
import { type searchMap } from '../../../shared/contract/knowledge'

export type MapPoint = OutputOf<typeof searchMap>['points'][number]

/** So many groups have a colour and a shape of their own. */
const mostGroups = 6

/** Points by what is said of their document, the largest groups first; the small ones together are the last. */
export function groupedPoints(points: readonly MapPoint[], labelOf: (documentId: string) => string, others: string) {
  const byLabel = Map.groupBy(points, ({ documentId }) => labelOf(documentId))
  const sorted = [...byLabel].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1))
  const groups = sorted.slice(0, mostGroups).map(([label, members]) => ({ label, members }))
  const rest = sorted.slice(mostGroups).flatMap(([, members]) => members)
  return rest.length > 0 ? [...groups, { label: others, members: rest }] : groups
}

/** Where each document lies in the mean, the one with most passages first. */
export function meansOf(points: readonly MapPoint[]) {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return [...Map.groupBy(points, ({ documentId }) => documentId)]
    .map(([documentId, own]) => ({
      documentId,
      count: own.length,
      x: mean(own.map(({ x }) => x)),
      y: mean(own.map(({ y }) => y)),
    }))
    .sort((a, b) => b.count - a.count)
}
