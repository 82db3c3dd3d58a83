/** Rows of a matrix, packed a few megabytes at a time, into buffers that bindings can hold. */
import { MoruError, throwIfCancelled } from '../../../shared/errors'
import { type Gpu } from '../device/gpu'
import { type PackedTiles, TilePacker } from '../quant/pack'
import { packedBytes, type PackedLayout } from '../quant/packed-layout'
import { type MatrixPiece, type PackedMatrix, type WeightBuffers } from './weights'

/** A matrix to put on the GPU. */
export interface MatrixPlan {
  label: string
  layout: PackedLayout
  rows: number
  cols: number
  /** Bytes of a row where it comes from. */
  rowBytes: number
  tiles: (packer: TilePacker, first: number, count: number) => Promise<PackedTiles>
}

/** Bytes read at a time. */
const chunkBytes = 4 << 20

/** Throws out_of_memory, cancelled, and as `plan.tiles` does. */
export async function uploadMatrix(
  gpu: Gpu,
  buffers: WeightBuffers,
  plan: MatrixPlan,
  signal?: AbortSignal,
): Promise<PackedMatrix> {
  const { layout, rows, cols } = plan
  const packer = new TilePacker(layout, cols, gpu.profile.lanes)
  const matrix: PackedMatrix = { layout, rows, cols, pieces: [], columns: null }
  if (layout.inputThreshold !== undefined) await buffers.roomForRounded(cols)
  const tileRows = gpu.profile.lanes * 4
  const chunkRows = Math.max(tileRows, Math.floor(chunkBytes / plan.rowBytes / tileRows) * tileRows)
  const pieceRows = rowsPerPiece(gpu, matrix, tileRows)
  for (let first = 0; first < rows; first += pieceRows) {
    const piece = await allocatePiece(gpu, buffers, plan, first, Math.min(pieceRows, rows - first))
    matrix.pieces.push(piece)
    for (let row = 0; row < piece.rows; row += chunkRows) {
      throwIfCancelled(signal)
      const count = Math.min(chunkRows, piece.rows - row)
      upload(gpu, piece, matrix, row, await plan.tiles(packer, first + row, count))
    }
  }
  return matrix
}

function upload(gpu: Gpu, piece: MatrixPiece, { layout, cols }: PackedMatrix, row: number, tiles: PackedTiles): void {
  const before = packedBytes(layout, row, cols, gpu.profile.lanes)
  gpu.write(piece.weights, before.weights, tiles.weights)
  if (tiles.scales.length > 0) gpu.write(piece.scales, before.scales, tiles.scales)
  if (tiles.highBits.length > 0) gpu.write(piece.highBits, before.highBits, tiles.highBits)
}

async function allocatePiece(
  gpu: Gpu,
  buffers: WeightBuffers,
  { label, layout, cols }: MatrixPlan,
  firstRow: number,
  rows: number,
): Promise<MatrixPiece> {
  const bytes = packedBytes(layout, rows, cols, gpu.profile.lanes)
  return {
    firstRow,
    rows,
    weights: await buffers.allocate(label, bytes.weights),
    scales: await buffers.allocate(`${label} scales`, bytes.scales),
    highBits: await buffers.allocate(`${label} high bits`, bytes.highBits),
  }
}

/** Whole tiles whose largest buffer a binding can hold. */
function rowsPerPiece(gpu: Gpu, { layout, cols }: PackedMatrix, tileRows: number): number {
  const tile = packedBytes(layout, tileRows, cols, gpu.profile.lanes)
  const tiles = Math.floor(
    Math.min(gpu.maxBindingBytes, gpu.maxBufferBytes) / Math.max(tile.weights, tile.scales, tile.highBits),
  )
  if (tiles > 0) return tiles * tileRows
  throw new MoruError(
    'out_of_memory',
    `A row of ${cols} weights is too long for this adapter’s buffer bindings of ${gpu.maxBindingBytes} bytes.`,
  )
}
