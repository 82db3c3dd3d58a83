/** What must hold between the values of a config, whichever file they came from. */
import type { ModelConfig, RopeConfig } from './config'
import { bounds, show, type ConfigValues } from './config-values'

/** Returns the config when its sizes fit together; throws invalid_file naming what does not. */
export function checkConfig(values: ConfigValues, config: ModelConfig): ModelConfig {
  const { heads, kvHeads, headDim, hiddenDim } = config
  if (!Number.isInteger(headDim) || headDim > bounds.headDim.most) {
    throw values.fault('head size', `is ${show(headDim)} (hidden size ${hiddenDim} over ${heads} heads)`)
  }
  if (heads % kvHeads !== 0) {
    throw values.fault('number of key/value heads', `is ${kvHeads}, which does not divide the ${heads} heads`)
  }
  for (const rope of [config.rope, config.localRope]) if (rope) checkRope(values, rope, headDim)
  return config
}

function checkRope(values: ConfigValues, rope: RopeConfig, headDim: number): void {
  if (rope.dim < 2 || rope.dim % 2 !== 0 || rope.dim > headDim) {
    throw values.fault('rotated dimensions', `are ${rope.dim}, not an even number up to the head size ${headDim}`)
  }
  if (rope.scaling.kind === 'factors' && rope.scaling.factors.length !== rope.dim / 2) {
    throw values.fault(
      'rope_freqs.weight',
      `has ${rope.scaling.factors.length} factors for ${rope.dim / 2} frequencies`,
    )
  }
}
