import { MoruError } from '../../shared/errors'

/** The model that a request names, else the default: the one the person chose, else the bundled one. @throws model_not_loaded */
export function namedModel(named: string | null, defaultModel: string | null): string {
  const id = named ?? defaultModel
  if (id !== null) return id
  throw new MoruError('model_not_loaded', 'No model was named and there is no default: name one, or import one first.')
}
