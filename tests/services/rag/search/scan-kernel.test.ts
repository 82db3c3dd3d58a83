import { expect, it } from 'vitest'
import { instantiateScan, int8QueryLimit, rowAlignment } from '../../../../src/main/rag/search/scan-kernel'

const kernels = (pages: number) => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  return { memory, ...instantiateScan(memory) }
}

it.each([
  [1, 16],
  [3, 64],
  [1000, 384],
])('gives the dot products of %i f32 rows of %i', (rows, dim) => {
  const { memory, scan_f32 } = kernels(64)
  const stride = dim * 4
  expect(stride % rowAlignment.f32).toBe(0)
  const query = new Float32Array(memory.buffer, 0, dim).map(() => Math.random() - 0.5)
  new Float32Array(memory.buffer, 0, dim).set(query)
  const data = new Float32Array(memory.buffer, stride, rows * dim)
  for (let i = 0; i < data.length; i++) data[i] = Math.random() - 0.5
  const out = stride + data.byteLength
  new Float32Array(memory.buffer, out, rows + 1).fill(7)
  scan_f32(0, stride, rows, stride, out)
  const scores = new Float32Array(memory.buffer, out, rows + 1)
  for (let r = 0; r < rows; r++) {
    let sum = 0
    for (let i = 0; i < dim; i++) sum += query[i] * data[r * dim + i]
    expect(Math.abs(scores[r] - sum)).toBeLessThan(1e-5)
  }
  expect(scores[rows]).toBe(7)
})

it.each([
  [1, 32],
  [7, 384],
  [5, 4096],
])('gives the exact sums of %i int8 rows of %i, at the largest values too', (rows, dim) => {
  const { memory, scan_int8 } = kernels(4)
  const limit = int8QueryLimit(dim)
  const query = new Int16Array(memory.buffer, 0, dim)
  const data = new Int8Array(memory.buffer, 2 * dim, rows * dim)
  for (let i = 0; i < dim; i++) query[i] = i % 2 === 0 ? limit : -limit
  for (let i = 0; i < data.length; i++)
    data[i] = i < dim ? (i % 2 === 0 ? 127 : -127) : Math.round(Math.random() * 254 - 127)
  const out = Math.ceil((2 * dim + data.length) / 4) * 4
  scan_int8(0, 2 * dim, rows, dim, out)
  const scores = new Float32Array(memory.buffer, out, rows)
  for (let r = 0; r < rows; r++) {
    let sum = 0
    for (let i = 0; i < dim; i++) sum += query[i] * data[r * dim + i]
    expect(scores[r]).toBe(Math.fround(sum))
  }
})

it('does nothing where there are no rows', () => {
  const { memory, scan_f32 } = kernels(1)
  new Float32Array(memory.buffer).fill(7)
  scan_f32(0, 64, 0, 64, 128)
  expect(new Float32Array(memory.buffer)[32]).toBe(7)
})
