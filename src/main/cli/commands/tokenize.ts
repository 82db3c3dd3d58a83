/** moru tokenize. */
import { textTokenize } from '../../../shared/contract/text'
import { type Command, expectPositionals } from '../command'
import { modelOption } from '../model-option'

export const tokenize: Command = {
  name: 'tokenize',
  usage: 'TEXT [--model MODEL] [--no-special]',
  summary: 'Token ids of a text; MODEL may also be a vocabulary without weights',
  options: { model: { type: 'string' }, 'no-special': { type: 'boolean' } },
  texts: 1,
  run: async (values, positionals, context) => {
    const [text] = expectPositionals(positionals, 'TEXT')
    const client = await context.client()
    const input = { model: await modelOption(values, context), text, special: !values.flag('no-special') }
    const result = await client.request(textTokenize, input, { signal: context.signal })
    if (!context.json) result.ids.forEach((id, i) => context.print(`${id}\t${result.tokens[i]}\n`))
    return result
  },
}
