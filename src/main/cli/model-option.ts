/** MODEL: a library id or a path. */
import { existsSync } from 'node:fs'
import { modelsList } from '../../shared/contract/models'
import { type Context, pathOf, type Values } from './command'

const looksLikePath = (text: string) => /[\\/]|^[.~]|\.(gguf|safetensors|json|model)$/i.test(text)

/**
 * What a request names the model by; null for the default. Ids hold no separators; a bare name that is both an id and
 * something in the folder means the id.
 */
export async function modelOf(named: string | undefined, context: Context): Promise<string | null> {
  if (named === undefined) return null
  if (looksLikePath(named)) return pathOf(named)
  if (!existsSync(named)) return named
  const known = await (await context.client()).request(modelsList, {}, { signal: context.signal })
  return known.some((model) => model.id === named) ? named : pathOf(named)
}

/** The model of `--model`. */
export const modelOption = (values: Values, context: Context) => modelOf(values.filled('model'), context)
