/** moru embed. */
import { type InputOf } from '../../../shared/contract'
import { embedTexts } from '../../../shared/contract/knowledge'
import { checked, type Command, expectPositionals, UsageError } from '../command'
import { modelOption } from '../model-option'

/** Texts a request may hold. */
const portion = 1000

export const embed: Command = {
  name: 'embed',
  usage: '--model MODEL [--kind plain|query|passage] < TEXTS',
  summary: 'Embeds the lines of standard input; without --model by the bundled embedding model',
  options: { model: { type: 'string' }, kind: { type: 'string' } },
  run: async (values, positionals, context) => {
    expectPositionals(positionals)
    const kind = (values.filled('kind') ?? 'plain') as InputOf<typeof embedTexts>['kind']
    checked(embedTexts, { model: null, texts: ['-'], kind })
    const lines = (await context.input()).split(/\r?\n/)
    if (lines.length === 1 && lines[0] === '')
      throw new UsageError('Standard input is empty: a text a line is expected.')
    const model = await modelOption(values, context)
    const client = await context.client()
    const embeddings: number[][] = []
    let dim = 0
    for (let at = 0; at < lines.length; at += portion) {
      context.progress(`${at} of ${lines.length} texts`)
      const input = { model, kind, texts: lines.slice(at, at + portion) }
      const part = await client.request(embedTexts, input, { signal: context.signal })
      dim = part.dim
      embeddings.push(...part.embeddings)
    }
    if (!context.json) for (const vector of embeddings) context.print(`${vector.join(' ')}\n`)
    return { dim, embeddings }
  },
}
