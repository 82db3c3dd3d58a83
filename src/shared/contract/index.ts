/** Every request, stream and event between the window (or any client) and the host. */
import * as bench from './bench'
import * as chat from './chat'
import { type Endpoint } from './core'
import * as engine from './engine'
import * as jobs from './jobs'
import * as knowledge from './knowledge'
import * as models from './models'
import * as profiler from './profiler'
import * as quantize from './quantize'
import * as runs from './runs'
import * as settings from './settings'
import * as text from './text'
import * as traces from './traces'

const modules = {
  ...engine,
  ...models,
  ...chat,
  ...settings,
  ...jobs,
  ...text,
  ...bench,
  ...profiler,
  ...quantize,
  ...knowledge,
  ...traces,
  ...runs,
}
type Modules = typeof modules
type EndpointKeys = { [K in keyof Modules]: Modules[K] extends Endpoint ? K : never }[keyof Modules]

/** Endpoints by the names they are exported under: `chatSend` describes the route 'chat.send'. */
export type Contract = Pick<Modules, EndpointKeys>
export const contract = Object.fromEntries(
  Object.entries(modules).filter(([, value]) => typeof value === 'object' && 'kind' in value && 'input' in value),
) as unknown as Contract

/** Endpoints by route name. */
export const endpoints: ReadonlyMap<string, Endpoint> = new Map(
  Object.values(contract).map((e) => [(e as Endpoint).name, e as Endpoint]),
)

export * from './core'
