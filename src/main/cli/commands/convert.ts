/** moru convert. */
import { blockMethods, convertRun, convertType, presetMethods } from '../../../shared/contract/quantize'
import { MoruError } from '../../../shared/errors'
import { megabytes, sizeOf } from '../byte-size'
import { checked, type Command, expectPositionals, oneOf, pathOf, UsageError } from '../command'
import { modelOf } from '../model-option'

export const convert: Command = {
  name: 'convert',
  usage: `MODEL --out PATH [--type ${convertType.options.join('|')}] [--shard-size 500M]`,
  summary: 'Writes a model as GGUF or safetensors, in another type, or in shards',
  options: { out: { type: 'string' }, type: { type: 'string' }, 'shard-size': { type: 'string' } },
  run: async (values, positionals, context) => {
    const [model] = expectPositionals(positionals, 'MODEL')
    const type = values.filled('type')?.toLowerCase()
    const shardSize = values.filled('shard-size')
    const request = {
      model,
      path: pathOf(values.required('out')),
      type: type === undefined ? null : typeOf(type),
      shardBytes: shardSize === undefined ? null : sizeOf('shard-size', shardSize),
    }
    const fields = { path: '--out', shardBytes: '--shard-size', model: 'MODEL' }
    const input = { ...checked(convertRun, request, fields), model: await modelOf(model, context) }
    const client = await context.client()
    for await (const event of client.stream(convertRun, input, { signal: context.signal })) {
      if (event.kind === 'progress') {
        const share = (100 * event.doneBytes) / event.totalBytes
        context.progress(
          `writing: ${megabytes(event.doneBytes)} of ${megabytes(event.totalBytes)}, ${share.toFixed(0)} %`,
        )
        continue
      }
      const { path, format, sizeBytes, files, bitsPerWeight, types, source, elapsedMs } = event.conversion
      if (source.quantized)
        context.note(`The source is quantized already (${source.quantization}); what it lost before is not won back.`)
      if (!context.json)
        context.print(
          `${path}\n${megabytes(sizeBytes)} in ${files} file${files === 1 ? '' : 's'}, ${bitsPerWeight.toFixed(2)} bits a weight\n`,
        )
      return { path, format, sizeBytes, files, bitsPerWeight, types, source, elapsedMs }
    }
    throw new MoruError('internal', 'conversion ended without a result.')
  },
}

/** Throws UsageError; of a type that only quantizing makes, it says so. */
function typeOf(type: string) {
  if (convertType.safeParse(type).success || !quantizing.has(type)) return oneOf('type', type, convertType.options)
  throw new UsageError(
    `--type ${type}: conversion rounds to ${convertType.options.join(', ')}; moru quantize MODEL --method ${type} --out PATH writes ${type}.`,
  )
}

const quantizing: ReadonlySet<string> = new Set([...blockMethods, ...presetMethods])
