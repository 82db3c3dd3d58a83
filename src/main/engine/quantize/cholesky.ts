/** The factor that GPTQ passes errors on with, in f64. */
import { MoruError } from '../../../shared/errors'
import { type Pace } from './pace'

/** Columns between two rests. */
const panel = 32

/**
 * Upper U [n, n] with U^T U = H^-1, row by row. H, symmetric [n, n], is overwritten.
 *
 * With rows and columns in reverse, H = L L^T, and U = reverse(L^-1): one factorization and one triangular inverse, n^3 / 3
 * multiply-adds, instead of the two factorizations and the inverse that the paper's code takes (arXiv 2210.17323).
 * Throws invalid_input when H is not positive definite, naming the column.
 */
export async function inverseFactor(h: Float64Array, n: number, pace: Pace): Promise<Float64Array> {
  reverse(h)
  await factorize(h, n, pace)
  const inverse = await invertLower(h, n, pace)
  reverse(inverse)
  return inverse
}

/** Rows and columns of a square matrix in reverse order: the same as all its elements in reverse. */
const reverse = (matrix: Float64Array): Float64Array => matrix.reverse()

/** Lower L with L L^T = A in place of A's lower triangle; rows are read along, four by four, so that loads are shared. */
async function factorize(a: Float64Array, n: number, pace: Pace): Promise<void> {
  for (let j0 = 0; j0 < n; j0 += panel) {
    const j1 = Math.min(j0 + panel, n)
    // What earlier panels take from this one, then the panel itself.
    for (let i = j0; i < n; i += 4) {
      subtractDots(a, a, a, n, i, Math.min(i + 4, n), j0, j1, 0, j0)
      if ((i & 63) === 0) await pace.rest()
    }
    for (let j = j0; j < j1; j++) factorizeColumn(a, n, j, j0)
    await pace.rest()
  }
}

function factorizeColumn(a: Float64Array, n: number, j: number, from: number): void {
  const row = j * n
  let pivot = a[row + j]
  for (let k = from; k < j; k++) pivot -= a[row + k] * a[row + k]
  if (!(pivot > 0) || !Number.isFinite(pivot))
    throw new MoruError(
      'invalid_input',
      `The Hessian of the calibration inputs is not positive definite (pivot ${pivot} at input ${n - 1 - j}). Use more calibration text or a larger damping.`,
    )
  const root = Math.sqrt(pivot)
  a[row + j] = root
  for (let i = j + 1; i < n; i++) {
    const own = i * n
    let sum = a[own + j]
    for (let k = from; k < j; k++) sum -= a[own + k] * a[row + k]
    a[own + j] = sum / root
  }
}

/** out[i, j] -= sum over k in [k0, k1) of x[i, k] * y[j, k], for rows [i0, i1) (four at most) and columns [j0, j1). */
function subtractDots(
  out: Float64Array,
  x: Float64Array,
  y: Float64Array,
  n: number,
  i0: number,
  i1: number,
  j0: number,
  j1: number,
  k0: number,
  k1: number,
): void {
  if (k1 <= k0) return
  let j = j0
  if (i1 - i0 === 4) for (; j + 4 <= j1; j += 4) subtractTile(out, x, y, n, i0, j, k0, k1)
  for (let i = i0; i < i1; i++)
    for (let c = j; c < j1; c++) {
      let sum = 0
      for (let k = k0; k < k1; k++) sum += x[i * n + k] * y[c * n + k]
      out[i * n + c] -= sum
    }
}

/** The same for four rows and four columns: sixteen sums that share their loads. */
function subtractTile(
  out: Float64Array,
  x: Float64Array,
  y: Float64Array,
  n: number,
  i: number,
  j: number,
  k0: number,
  k1: number,
): void {
  const [a0, a1, a2, a3] = [i * n, (i + 1) * n, (i + 2) * n, (i + 3) * n]
  const [b0, b1, b2, b3] = [j * n, (j + 1) * n, (j + 2) * n, (j + 3) * n]
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0 // prettier-ignore
  let s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0 // prettier-ignore
  for (let k = k0; k < k1; k++) {
    const x0 = x[a0 + k], x1 = x[a1 + k], x2 = x[a2 + k], x3 = x[a3 + k] // prettier-ignore
    const y0 = y[b0 + k], y1 = y[b1 + k], y2 = y[b2 + k], y3 = y[b3 + k] // prettier-ignore
    s00 += x0 * y0
    s01 += x0 * y1
    s02 += x0 * y2
    s03 += x0 * y3
    s10 += x1 * y0
    s11 += x1 * y1
    s12 += x1 * y2
    s13 += x1 * y3
    s20 += x2 * y0
    s21 += x2 * y1
    s22 += x2 * y2
    s23 += x2 * y3
    s30 += x3 * y0
    s31 += x3 * y1
    s32 += x3 * y2
    s33 += x3 * y3
  }
  out[a0 + j] -= s00
  out[a0 + j + 1] -= s01
  out[a0 + j + 2] -= s02
  out[a0 + j + 3] -= s03
  out[a1 + j] -= s10
  out[a1 + j + 1] -= s11
  out[a1 + j + 2] -= s12
  out[a1 + j + 3] -= s13
  out[a2 + j] -= s20
  out[a2 + j + 1] -= s21
  out[a2 + j + 2] -= s22
  out[a2 + j + 3] -= s23
  out[a3 + j] -= s30
  out[a3 + j + 1] -= s31
  out[a3 + j + 2] -= s32
  out[a3 + j + 3] -= s33
}

/**
 * L^-1 of a lower L. It is made transposed, so that its columns lie along: xt[j, i] = -(sum over k of xt[j, k] * L[i, k]) / L[i, i],
 * a panel of i at a time.
 */
async function invertLower(l: Float64Array, n: number, pace: Pace): Promise<Float64Array> {
  const xt = new Float64Array(n * n)
  for (let i0 = 0; i0 < n; i0 += panel) {
    const i1 = Math.min(i0 + panel, n)
    for (let j = 0; j < i0; j += 4) {
      // xt[j..] is zero before its diagonal.
      subtractDots(xt, xt, l, n, j, Math.min(j + 4, i0), i0, i1, j, i0)
      if ((j & 63) === 0) await pace.rest()
    }
    for (let j = 0; j < i1; j++) finishRow(xt, l, n, j, i0, i1)
    await pace.rest()
  }
  return transpose(xt, n)
}

/** Elements [i0, i1) of row j of xt, from what earlier panels have taken already. */
function finishRow(xt: Float64Array, l: Float64Array, n: number, j: number, i0: number, i1: number): void {
  const row = j * n
  for (let i = Math.max(i0, j); i < i1; i++) {
    const own = i * n
    let sum = i === j ? 1 : xt[row + i]
    for (let k = Math.max(i0, j); k < i; k++) sum -= xt[row + k] * l[own + k]
    xt[row + i] = sum / l[own + i]
  }
}

function transpose(a: Float64Array, n: number): Float64Array {
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      const other = a[i * n + j]
      a[i * n + j] = a[j * n + i]
      a[j * n + i] = other
    }
  return a
}
