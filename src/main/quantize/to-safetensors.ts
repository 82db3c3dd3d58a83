/** Codes with scales a group, as a safetensors folder. */
import { writeQuantized } from '../engine'
import { step } from '../trace'
import { layoutFor } from './matrix-recipes'
import { type QuantizeTask, type Written } from './quantize-run'
import { metadataOf, roundBlocks } from './run-blocks'

export async function toSafetensors(task: QuantizeTask): Promise<Written> {
  const { recipe, out, file, config, listener, signal } = task
  const rounded = await roundBlocks(task)
  const { folder, calibration, layers } = rounded
  listener.stage('writing', null, config.layers)
  const quantized = {
    layout: layoutFor(recipe),
    double: recipe.double,
    layers: config.layers,
    block: (layer: number) => folder.block(layer),
  }
  const metadata = metadataOf(task, rounded)
  const sizeBytes = await step('write', {}, () => writeQuantized(file, config, out, quantized, { metadata, signal }))
  await folder.remove()
  return { sizeBytes, calibration, layers }
}
