/** Text without conversations: tokenizing, continuing, scoring. */
import { isAbsolute } from 'node:path'
import { type HandlersFor } from '../../shared/contract/handlers'
import { loadSettings } from '../../shared/contract/sampling'
import { type CallRecorder } from '../trace'
import { generateText } from './generate'
import { namedModel } from './named-model'
import { scoreText } from './score'
import { type TextEngine } from './text-engine'
import { tokenizerAt } from './tokenizer-at'

export { reported } from './event-queue'
export { namedModel } from './named-model'
export { readText, textWindows } from './read-text'
export { type TextEngine, type TextModel } from './text-engine'

/** `defaultModel`: the one the person chose, else the bundled one. */
export function textHandlers(
  engine: TextEngine,
  tracer: CallRecorder,
  defaultModel: () => string | null,
): HandlersFor<'textTokenize' | 'textGenerate' | 'textScore'> {
  const modelOf = (model: string | null): string => namedModel(model, defaultModel())
  return {
    textTokenize: async ({ model, text, special }, { signal }) => {
      const named = modelOf(model)
      const tokenizer = isAbsolute(named)
        ? await tokenizerAt(named)
        : (await engine.inspect(named, loadSettings.parse({}), signal)).tokenizer
      const ids = tokenizer.encode(text, { special })
      return { ids, tokens: ids.map((id) => tokenizer.token(id)) }
    },
    textGenerate: (input, { signal }) => generateText(engine, tracer, modelOf(input.model), input, signal),
    textScore: (input, { signal }) => scoreText(engine, tracer, modelOf(input.model), input, signal),
  }
}
