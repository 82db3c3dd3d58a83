/** The client's face, derived from the contract's types: `chatSend` becomes `api.chat.send`. */
import type { Contract, Endpoint, EventOf, InputOf, OutputOf, Stream } from '../../shared/contract'

/** The lower-case head of a camel-case name: 'modelsListHubFiles' has 'models'. */
type HeadOf<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? First extends Uppercase<First>
    ? ''
    : `${First}${HeadOf<Rest>}`
  : ''
type TailOf<Name extends string> = Name extends `${HeadOf<Name>}${infer Tail}` ? Uncapitalize<Tail> : never

type EndpointName = keyof Contract & string
type Domain = HeadOf<EndpointName>
/** Route names as they travel: 'chat.send'. */
export type RouteName = { [K in EndpointName]: `${HeadOf<K>}.${TailOf<K>}` }[EndpointName]
export type StreamName = {
  [K in EndpointName]: Contract[K] extends Stream ? `${HeadOf<K>}.${TailOf<K>}` : never
}[EndpointName]

export interface CallOptions {
  /** Aborting ends the call with the error `cancelled` and tells the host to stop. */
  signal?: AbortSignal
}

/** An endpoint as a function; without required input fields the input may be left out. */
type Call<E extends Endpoint> = E extends Stream
  ? (input: InputOf<E>, options?: CallOptions) => AsyncIterable<EventOf<E>>
  : (input: InputOf<E>, options?: CallOptions) => Promise<OutputOf<E>>

export type Api = {
  [D in Domain]: {
    [K in EndpointName as HeadOf<K> extends D ? TailOf<K> : never]: Call<Contract[K]>
  }
}
