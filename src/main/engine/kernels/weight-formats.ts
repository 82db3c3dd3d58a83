/** The WGSL that reads each packed weight format. */
import affine from '../../../../kernels/parts/weights_affine.wgsl?raw'
import bf16 from '../../../../kernels/parts/weights_bf16.wgsl?raw'
import f16 from '../../../../kernels/parts/weights_f16.wgsl?raw'
import f32 from '../../../../kernels/parts/weights_f32.wgsl?raw'
import fp4 from '../../../../kernels/parts/weights_fp4.wgsl?raw'
import nf4 from '../../../../kernels/parts/weights_nf4.wgsl?raw'
import plain from '../../../../kernels/parts/weights_plain.wgsl?raw'
import q2 from '../../../../kernels/parts/weights_q2.wgsl?raw'
import q3 from '../../../../kernels/parts/weights_q3.wgsl?raw'
import q4 from '../../../../kernels/parts/weights_q4.wgsl?raw'
import q5 from '../../../../kernels/parts/weights_q5.wgsl?raw'
import q6 from '../../../../kernels/parts/weights_q6.wgsl?raw'
import q8 from '../../../../kernels/parts/weights_q8.wgsl?raw'
import scales from '../../../../kernels/parts/weights_scales.wgsl?raw'
import common from '../../../../kernels/parts/weights.wgsl?raw'
import { codeBits, isScaled, type PackedFormat, type PackedLayout } from '../quant/packed-layout'
import { type Shape } from './define-kernel'

const readers: Record<PackedFormat, string> = { q2, q3, q4, q5, q6, q8, nf4, fp4, f16, bf16, f32 }

/** Parts to put before a matrix kernel that reads this format. */
export function weightParts(format: PackedFormat): string[] {
  return isScaled(format) ? [common, scales, readers[format], affine] : [common, readers[format], plain]
}

/** Constants that tell a matrix kernel how the weights are scaled. */
export function layoutConstants(layout: PackedLayout) {
  return { MINIMUM: layout.minimum, ZERO: layout.zero, WIDE: layout.wide, GROUP: layout.group, OFFSET: layout.offset }
}

/** Bytes of rows x cols weights with the constants above, padding left out. */
export function weightBytes(format: PackedFormat, rows: number, cols: number, constants: Shape): number {
  const codes = (rows * cols * codeBits(format)) / 8
  if (!isScaled(format)) return codes
  return codes + rows * Math.ceil(cols / constants.GROUP) * (constants.WIDE ? 4 : 2) * (constants.MINIMUM ? 2 : 1)
}
