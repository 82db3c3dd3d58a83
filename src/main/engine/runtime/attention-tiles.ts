/** Which query tokens and keys each attention workgroup takes, for a ragged batch. */
import { blockTokens } from '../kernels/attention'

/** One sequence's share of a step: `count` tokens from `position` on, whose keys lie in blocks at `table` of the step's tables. */
export interface TileEntry {
  firstToken: number
  count: number
  position: number
  table: number
}

export interface TileShape {
  queryTokens: number
  headsPerTile: number
}

export interface TilePlan extends TileShape {
  /** 8 words a tile, as attention.wgsl reads them. */
  words: Uint32Array<ArrayBuffer>
  partial: boolean
  /** First part and number of parts of each token, when partial. */
  spans: Uint32Array<ArrayBuffer>
  parts: number
  queryKeys: number
  readKeys: number
  tokens: number
}

/** Registers bound a tile: rows (tokens times heads) times dimensions of a head. */
const mostRowDimensions = 1024
const mostRows = 8
/** Fewer keys than this are not worth a workgroup of their own. */
const leastSplitKeys = 128

/**
 * Rows of an encoder's tiles, all of whose keys are read for every query: 16 halved the time on a software adapter of eight lanes.
 * With more lanes the shader gets too large: minutes of compiling there.
 */
export const encoderRows = (lanes: number): number => (lanes > 8 ? mostRows : 2 * mostRows)

/** Decoding shares keys among the heads of a group; prefill shares them among tokens. */
export function tileShapes(
  group: number,
  headDim: number,
  rowLimit = mostRows,
): { decode: TileShape; prefill: TileShape } {
  const rows = Math.max(1, Math.min(rowLimit, Math.floor(mostRowDimensions / headDim)))
  let headsPerTile = Math.min(group, rows)
  while (group % headsPerTile !== 0) headsPerTile--
  return { decode: { queryTokens: 1, headsPerTile }, prefill: { queryTokens: rows, headsPerTile: 1 } }
}

const firstKey = (position: number, window: number): number =>
  window > 0 ? Math.floor(Math.max(0, position + 1 - window) / blockTokens) * blockTokens : 0

const seenKeys = (position: number, window: number): number =>
  window > 0 ? Math.min(window, position + 1) : position + 1

/** Tiles of all entries; one-token tiles are split over their keys until there are `workgroups` of them. */
export function planTiles(
  entries: TileEntry[],
  shape: TileShape,
  window: number,
  groupsPerTile: number,
  workgroups: number,
  { bidirectional = false } = {},
): TilePlan {
  const words: number[] = []
  const spans: number[] = []
  const plan = { queryKeys: 0, readKeys: 0, tokens: 0, parts: 0 }
  const splits = shape.queryTokens === 1 ? splitsOf(entries, window, groupsPerTile, workgroups) : 1
  for (const entry of entries) {
    for (let start = 0; start < entry.count; start += shape.queryTokens) {
      const count = Math.min(shape.queryTokens, entry.count - start)
      const position = entry.position + start
      const begin = firstKey(position, window)
      const end = bidirectional ? entry.position + entry.count : position + count
      const part = plan.parts
      const span = Math.max(blockTokens, Math.ceil((end - begin) / splits / blockTokens) * blockTokens)
      for (let from = begin; from < end; from += span) {
        words.push(
          entry.firstToken + start,
          count,
          from,
          Math.min(end, from + span),
          entry.table,
          plan.parts,
          // A token that stands at the end sees everything before it: its whole text.
          bidirectional ? end : position,
          0,
        )
        plan.parts++
      }
      spans.push(part, plan.parts - part)
      plan.readKeys += end - begin
      for (let t = 0; t < count; t++) plan.queryKeys += bidirectional ? end : seenKeys(position + t, window)
    }
    plan.tokens += entry.count
  }
  return { ...shape, ...plan, words: new Uint32Array(words), spans: new Uint32Array(spans), partial: splits > 1 }
}

function splitsOf(entries: TileEntry[], window: number, groupsPerTile: number, workgroups: number): number {
  const longest = Math.max(0, ...entries.map((e) => seenKeys(e.position, window)))
  const wanted = Math.ceil(workgroups / Math.max(1, entries.length * groupsPerTile))
  return Math.max(1, Math.min(wanted, Math.floor(longest / leastSplitKeys)))
}
