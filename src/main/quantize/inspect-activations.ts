/** What every matrix of a model gets to read on a text. */
import { type EventOf } from '../../shared/contract'
import { type ActivationChannels, type Calibration, type inspectActivations } from '../../shared/contract/quantize'
import { activationChannels, type ChannelMagnitudes } from '../engine'
import { readCalibration, type TextSources } from './calibration-text'
import { withEngine, withModel } from './open-models'

/** LLM.int8()'s (arXiv 2208.07339, section 3.2). */
const threshold = 6

/** Throws what opening, reading the text and running throw, cancelled. */
export async function lookAtActivations(
  path: string,
  calibration: Calibration,
  sources: TextSources,
  report: (event: EventOf<typeof inspectActivations>) => void,
  signal: AbortSignal,
): Promise<void> {
  await withModel(path, async ({ file, config }) => {
    const { windows } = await readCalibration({ file, config }, calibration, sources, true)
    report({ kind: 'progress', done: 0, total: config.layers })
    await withEngine(async (engine) =>
      activationChannels(await engine.open(), file, config, {
        windows: windows.seen.length > 0 ? windows.seen : windows.heldOut,
        threshold,
        signal,
        onBlock: (layer, inputs) => {
          report({ kind: 'layer', inputs: inputs.map((each) => described(layer, each)) })
          report({ kind: 'progress', done: layer + 1, total: config.layers })
        },
      }),
    )
    report({ kind: 'finished', threshold })
  })
}

function described(layer: number, { names, tokens, meanAbs, maxAbs, beyond }: ChannelMagnitudes): ActivationChannels {
  const [name] = names
  const outliers = [...beyond.keys()].filter((channel) => beyond[channel] > 0)
  return {
    name,
    layer,
    role: name.split('.')[2] as ActivationChannels['role'],
    channels: maxAbs.length,
    meanAbs,
    maxAbs: Array.from(maxAbs),
    outliers: outliers
      .map((channel) => ({ channel, maxAbs: maxAbs[channel], share: beyond[channel] / tokens }))
      .sort((a, b) => b.maxAbs - a.maxAbs),
  }
}
