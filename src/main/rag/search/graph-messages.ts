/** What the host asks of the process that holds HNSW graphs. Keys are vector.seq; vectors are f32[keys, dim]. */
export type GraphRequest =
  | { kind: 'create'; graph: string; dim: number }
  | { kind: 'load'; graph: string; dim: number; folder: string }
  | { kind: 'add'; graph: string; keys: Float64Array; vectors: Float32Array }
  | { kind: 'remove'; graph: string; keys: Float64Array }
  | { kind: 'search'; graph: string; query: Float32Array; limit: number }
  | { kind: 'save'; graph: string; folder: string }
  /** Takes the place of the graph of that name. */
  | { kind: 'rename'; graph: string; to: string }
  | { kind: 'close'; graph: string }
/** `keys`: those found, nearest first, or those of a graph that was loaded; `scores`: dot products. */
export type GraphReply = { keys: Float64Array; scores?: Float32Array }
