/** How the shards of a model are named and numbered: gguf-split's way, which transformers shares. */

/** Shards a model may have: each stays open while the model does. */
export const mostShards = 256

const pad = (no: number): string => String(no).padStart(5, '0')

/** STEM-00001-of-0000N.EXTENSION; `no` counts from 0. */
export const shardName = (stem: string, no: number, count: number, extension: 'gguf' | 'safetensors'): string =>
  `${stem}-${pad(no + 1)}-of-${pad(count)}.${extension}`
