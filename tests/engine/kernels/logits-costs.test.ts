/** What looking through logits costs. */
import { describe, it } from 'vitest'
import {
  adjustLogits,
  logitsSlices,
  tokenLoss,
  topKCollect,
  topKThreshold,
} from '../../../src/main/engine/kernels/logits'
import { adjustLogits as adjustTwin } from '../../reference/adjust-logits'
import { logitsSlices as slicesTwin } from '../../reference/logits-slices'
import { tokenLoss as lossTwin } from '../../reference/token-loss'
import { topKCollect as collectTwin } from '../../reference/top-k-collect'
import { topKThreshold as thresholdTwin } from '../../reference/top-k-threshold'
import { expectCosts, type Memory, numbers } from './costs'

describe('logits', () => {
  const [rows, vocab, SLICES] = [2, 1000, 256]
  const each = (m: Memory, twin: (row: ArrayLike<number>) => void) => {
    for (let r = 0; r < rows; r++) twin(m.read(numbers(vocab, r)))
  }

  it('adjust_logits', () => {
    const entries = [3, 7, 8].map((at) => ({ at, penalty: 1.1, offset: 1 }))
    expectCosts({
      kernel: adjustLogits,
      shape: { count: entries.length },
      // Of each entry four words, and a logit read and written.
      twin: (m) => {
        adjustTwin(numbers(100), entries)
        m.add(entries.length * (4 + 2))
      },
    })
  })

  it('logits_slices', () => {
    expectCosts({
      kernel: logitsSlices,
      shape: { rows, vocab, stride: vocab, SLICES },
      twin: (m) => each(m, (row) => m.add(4 * slicesTwin(row, SLICES).length)),
    })
  })

  it('top_k_threshold', () => {
    expectCosts({
      kernel: topKThreshold,
      shape: { rows, k: 5, SLICES },
      twin: (m) => {
        for (let r = 0; r < rows; r++) {
          thresholdTwin(m.read(numbers(SLICES, r)), 5)
          // The rest of each slice shares its vector; a threshold and a count are written.
          m.add(3 * SLICES + 2)
        }
      },
    })
  })

  it('top_k_collect', () => {
    expectCosts({
      kernel: topKCollect,
      shape: { rows, vocab, stride: vocab },
      // A threshold is read, a count read and written.
      twin: (m) =>
        each(m, (row) => {
          collectTwin(row, 1)
          m.add(3)
        }),
    })
  })

  it('token_loss', () => {
    expectCosts({
      kernel: tokenLoss,
      shape: { rows, vocab, stride: vocab },
      // A target is read, a loss written.
      twin: (m) =>
        each(m, (row) => {
          lossTwin(row, 5)
          m.add(2)
        }),
    })
  })
})
