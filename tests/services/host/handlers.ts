import { contract } from '../../../src/shared/contract'
import { MoruError } from '../../../src/shared/errors'
import { type Handlers } from '../../../src/main/host/handlers'

/** A full table in which only the handlers that a test is about do anything. */
export function handlersWith(handlers: Partial<Handlers>): Handlers {
  const absent = () => {
    throw new MoruError('not_found', 'This test has no such handler.')
  }
  return { ...Object.fromEntries(Object.keys(contract).map((key) => [key, absent])), ...handlers } as Handlers
}
