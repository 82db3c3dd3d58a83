/** moru tokenize. */
import { textTokenize } from '../../../shared/contract/text'
import { type Command, expectPositionals } from '../command'

export const tokenize: Command = {
  name: 'tokenize',
  usage: 'TEXT [--model MODEL] [--no-special]',
  summary: 'Token ids of a text',
  options: { model: { type: 'string' }, 'no-special': { type: 'boolean' } },
  run: async (values, positionals, context) => {
    const [text] = expectPositionals(positionals, 'TEXT')
    const client = await context.client()
    const special = !values.flag('no-special')
    const result = await client.request(textTokenize, { model: values.text('model') ?? null, text, special })
    if (!context.json) result.ids.forEach((id, i) => context.print(`${id}\t${result.tokens[i]}\n`))
    return result
  },
}
