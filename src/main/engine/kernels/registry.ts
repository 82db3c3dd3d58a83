/** Every kernel of the engine. Parity tests, profiler and benchmarks walk this list. */
import { activate } from './activate'
import { attention, attentionCombine, ropeStore } from './attention'
import { dotInt8, multiplyAdd, streamCopy, streamRead } from './ceilings'
import { type Kernel } from './define-kernel'
import { embed } from './embed'
import { gatherColumns } from './gather-columns'
import { int8Inputs, matmulInt8Tiled, matmulInt8Vec } from './int8'
import { adjustLogits, logitsSlices, tokenLoss, topKCollect, topKThreshold } from './logits'
import { matmulTiled, matmulVec } from './matmul'
import { gatherRows, layerNorm, rmsNorm } from './norms'
import { pool } from './pool'

export const kernels: readonly Kernel[] = [
  ...Object.values(matmulVec),
  ...Object.values(matmulTiled),
  int8Inputs,
  matmulInt8Vec,
  matmulInt8Tiled,
  ...Object.values(embed),
  rmsNorm,
  layerNorm,
  gatherRows,
  gatherColumns,
  pool,
  activate,
  ...Object.values(ropeStore),
  ...Object.values(attention),
  attentionCombine,
  adjustLogits,
  logitsSlices,
  topKThreshold,
  topKCollect,
  tokenLoss,
  streamRead,
  streamCopy,
  multiplyAdd,
  dotInt8,
]
