/** How many bytes hold how many elements, for every type a tensor may have. */
import type { TensorType } from './weight-file'

export interface BlockType {
  /** Elements a block holds; 1 for plain numbers. A row is a whole number of blocks. */
  blockSize: number
  blockBytes: number
}

/** Sizes as ggml-common.h's block structs and safetensors' dtypes lay them out. */
export const blockTypes: Readonly<Record<TensorType, BlockType>> = {
  f32: { blockSize: 1, blockBytes: 4 },
  f16: { blockSize: 1, blockBytes: 2 },
  bf16: { blockSize: 1, blockBytes: 2 },
  q4_0: { blockSize: 32, blockBytes: 18 },
  q4_1: { blockSize: 32, blockBytes: 20 },
  q5_0: { blockSize: 32, blockBytes: 22 },
  q5_1: { blockSize: 32, blockBytes: 24 },
  q8_0: { blockSize: 32, blockBytes: 34 },
  q2_k: { blockSize: 256, blockBytes: 84 },
  q3_k: { blockSize: 256, blockBytes: 110 },
  q4_k: { blockSize: 256, blockBytes: 144 },
  q5_k: { blockSize: 256, blockBytes: 176 },
  q6_k: { blockSize: 256, blockBytes: 210 },
  iq4_nl: { blockSize: 32, blockBytes: 18 },
  iq4_xs: { blockSize: 256, blockBytes: 136 },
  i8: { blockSize: 1, blockBytes: 1 },
  u8: { blockSize: 1, blockBytes: 1 },
  i16: { blockSize: 1, blockBytes: 2 },
  i32: { blockSize: 1, blockBytes: 4 },
  i64: { blockSize: 1, blockBytes: 8 },
}
