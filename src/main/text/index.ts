/** Text without conversations: tokenizing, continuing, scoring. */
import { type HandlersFor } from '../../shared/contract/handlers'
import { loadSettings } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { generateText } from './generate'
import { scoreText } from './score'
import { type TextEngine } from './text-engine'

export { type TextEngine, type TextModel } from './text-engine'

/** `defaultModel`: the one the person chose, else the bundled one. */
export function textHandlers(
  engine: TextEngine,
  defaultModel: () => string | null,
): HandlersFor<'textTokenize' | 'textGenerate' | 'textScore'> {
  const modelOf = (model: string | null): string => {
    const id = model ?? defaultModel()
    if (id === null)
      throw new MoruError(
        'model_not_loaded',
        'No model was named and there is no default: name one, or import one first.',
      )
    return id
  }
  return {
    textTokenize: async ({ model, text, special }, { signal }) => {
      const { tokenizer } = await engine.inspect(modelOf(model), loadSettings.parse({}), signal)
      const ids = tokenizer.encode(text, { special })
      return { ids, tokens: ids.map((id) => tokenizer.token(id)) }
    },
    textGenerate: (input, { signal }) => generateText(engine, modelOf(input.model), input, signal),
    textScore: (input, { signal }) => scoreText(engine, modelOf(input.model), input, signal),
  }
}
