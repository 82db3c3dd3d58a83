/** One choice for each of many under a budget of bytes, at least cost: the multiple-choice knapsack, by dynamic programming over bytes. */
import { MoruError } from '../../../shared/errors'
import { type Pace } from './pace'

export interface Choice {
  bytes: number
  /** What the choice costs beside its bytes; costs of different items add up. */
  cost: number
}

export interface Allocation {
  /** Index of the choice of each item. */
  chosen: number[]
  bytes: number
  cost: number
}

/** Steps between the fewest and the most bytes, at most: what is lost by rounding up is half a step an item, 0.05 % of that range for 256 items. */
const mostSteps = 262_144
const mostChoices = 256

/**
 * Exact where the bytes of all choices lie on a grid of at most 262,144 steps; else bytes beyond each item's fewest are rounded up to
 * such a grid. The grid does not depend on the budget, so that a larger budget never costs more.
 * Throws invalid_input, with the least possible bytes, where the budget is too small; cancelled.
 */
export async function allocate(items: readonly (readonly Choice[])[], budget: number, pace: Pace): Promise<Allocation> {
  const useful = items.map(withoutDominated)
  const least = useful.reduce((sum, [smallest]) => sum + smallest.bytes, 0)
  if (budget < least)
    throw new MoruError('invalid_input', `${budget} bytes are too few: the least possible are ${least}.`, {
      details: { budget, least },
    })
  const grid = useful.map((choices) => choices.map(({ bytes }) => bytes - choices[0].bytes))
  const unit = unitOf(grid)
  const steps = grid.map((own) => own.map((bytes) => Math.ceil(bytes / unit)))
  const most = steps.reduce((sum, own) => sum + own[own.length - 1], 0)
  const places = await fill(useful, steps, Math.min(most, Math.floor((budget - least) / unit)), pace)
  const picked = useful.map((choices, i) => choices[places[i]])
  return {
    chosen: picked.map(({ index }) => index),
    bytes: picked.reduce((sum, { bytes }) => sum + bytes, 0),
    cost: picked.reduce((sum, { cost }) => sum + cost, 0),
  }
}

interface UsefulChoice extends Choice {
  index: number
}

/** Those that cost less than everything that is not larger, by rising bytes. */
function withoutDominated(choices: readonly Choice[]): UsefulChoice[] {
  const sorted = choices
    .map(({ bytes, cost }, index) => ({ bytes, cost, index }))
    .sort((a, b) => a.bytes - b.bytes || a.cost - b.cost)
  const kept: UsefulChoice[] = []
  for (const choice of sorted) if (kept.length === 0 || choice.cost < kept[kept.length - 1].cost) kept.push(choice)
  if (kept.length === 0 || kept.length > mostChoices)
    throw new MoruError('internal', `${kept.length} choices for one item; there may be 1 to ${mostChoices}.`)
  return kept
}

function unitOf(grid: readonly (readonly number[])[]): number {
  const common = grid.flat().reduce(greatestCommonDivisor, 0) || 1
  const range = grid.reduce((sum, own) => sum + own[own.length - 1], 0)
  return common * Math.max(1, Math.ceil(range / common / mostSteps))
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

/** @returns each item's place among its useful choices */
async function fill(
  items: readonly (readonly Choice[])[],
  steps: readonly (readonly number[])[],
  capacity: number,
  pace: Pace,
): Promise<number[]> {
  let cost = new Float64Array(capacity + 1)
  const decisions: Uint8Array[] = []
  for (const [i, choices] of items.entries()) {
    const next = new Float64Array(capacity + 1).fill(Infinity)
    const decision = new Uint8Array(capacity + 1)
    choices.forEach(({ cost: own }, place) => {
      const size = steps[i][place]
      for (let room = size; room <= capacity; room++) {
        const sum = cost[room - size] + own
        if (sum < next[room]) {
          next[room] = sum
          decision[room] = place
        }
      }
    })
    decisions.push(decision)
    cost = next
    await pace.rest()
  }
  const places = new Array<number>(items.length)
  let room = capacity
  for (let i = items.length - 1; i >= 0; i--) {
    places[i] = decisions[i][room]
    room -= steps[i][places[i]]
  }
  return places
}
