/** Collections of documents: what is in them, finding in them, measuring that, and asking them. */
export * from './ask'
export * from './collections'
export { sourcePlace } from './common'
export * from './documents'
export * from './evaluate'
export * from './search'
