/** GGUF's block types, as a GGUF file. */
import { blockMethods, type MatrixResult, presetMethods } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import { demandGgufModel, writeBlocks } from '../engine'
import { step } from '../trace'
import { blockChoice, dominantType, isBlockMethod, outerResult } from './block-recipes'
import { type QuantizeTask, type Written } from './quantize-run'
import { metadataOf, roundBlocks } from './run-blocks'

export async function toGguf(task: QuantizeTask): Promise<Written> {
  const { recipe, out, file, config, listener, signal } = task
  const { method } = recipe
  if (!out.endsWith('.gguf'))
    throw new MoruError('unsupported', `${method} is a type of GGUF: give a path that ends in .gguf.`)
  if (!isBlockMethod(method))
    throw new MoruError(
      'unsupported',
      `GGUF has no type for ${method}: give a folder's path, or choose one of ${[...blockMethods, ...presetMethods].join(', ')}.`,
    )
  await demandGgufModel(file, config)
  const rounded = await roundBlocks(task)
  const { folder, calibration, layers, importance } = rounded
  listener.stage('writing', null, config.layers)
  const outer: MatrixResult[] = []
  const options = {
    block: (layer: number) => folder.block(layer),
    typeOf: ({ canonical, cols }: { canonical: string; cols: number }) =>
      blockChoice(recipe, config, canonical, cols)?.type ?? null,
    importance,
    dominant: dominantType(method),
    metadata: metadataOf(task, rounded),
    onOuter: (matrix: Parameters<typeof outerResult>[0]) => {
      const result = outerResult(matrix)
      outer.push(result)
      listener.matrix(result)
    },
    signal,
  }
  const sizeBytes = await step('write', {}, () => writeBlocks(file, config, out, options))
  await folder.remove()
  return { sizeBytes, calibration, layers: [...layers, ...outer] }
}
