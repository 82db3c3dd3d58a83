/**
 * The dot product of one query with many rows, in WebAssembly with 128-bit SIMD: V8 does not vectorise JavaScript loops.
 * The module is small enough to be written out here instruction by instruction, so that no compiler is needed.
 *
 *   scan_f32 (query, rows, count, stride, out): out[r] = sum_i query[i] * rows[r][i]
 *   scan_int8(query, rows, count, stride, out): the same of int8 rows with an int16 query, summed in i32, given as f32
 *
 * All arguments are i32: addresses and `stride` in bytes. f32: query f32[stride / 4], stride a multiple of 64. int8: query
 * i16[stride], stride a multiple of 32; |query[i]| * 127 * stride must stay below 2^31 (int8QueryLimit). Padding is zero.
 */

/** Bytes to which rows are padded, by type. */
export const rowAlignment = { f32: 64, int8: 32 }

/** The largest magnitude of a query's int16 values with which no sum over `dim` int8 values leaves i32. */
export const int8QueryLimit = (dim: number) => Math.min(32_767, Math.floor((2 ** 31 - 1) / (127 * dim)))

// Locals: the five parameters, then what the loops need.
const query = 0
const rows = 1
const count = 2
const stride = 3
const out = 4
const end = 5
const at = 6
/** v128 accumulators: independent sums, so that an addition need not wait for the one before. */
const sums = [7, 8, 9, 10]

const leb = (value: number): number[] => {
  const bytes: number[] = []
  for (let rest = value; ;) {
    const low = rest & 127
    rest >>>= 7
    if (rest === 0) return [...bytes, low]
    bytes.push(low | 128)
  }
}
const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const i32 = (value: number) => [0x41, ...signedLeb(value)]
const i32Add = [0x6a]
const i32LessThan = [0x49]
const simd = (opcode: number, ...immediates: number[]) => [0xfd, ...leb(opcode), ...immediates]
const loadVector = (offset: number) => simd(0, 4, ...leb(offset))
const zeroVector = simd(12, ...new Array<number>(16).fill(0))
const f32x4Add = simd(228)
const f32x4Multiply = simd(230)
const i32x4Add = simd(174)
const i32x4Dot = simd(186)
const i16x8FromLowInt8 = simd(135)
const i16x8FromHighInt8 = simd(136)
const f32Lane = (lane: number) => simd(31, lane)
const i32Lane = (lane: number) => simd(27, lane)
const f32Add = [0x92]
const f32FromI32 = [0xb2]
const storeF32 = [0x38, 2, 0]

function signedLeb(value: number): number[] {
  const bytes = leb(value)
  return (bytes[bytes.length - 1] & 64) === 0 ? bytes : [...bytes.slice(0, -1), bytes[bytes.length - 1] | 128, 0]
}

/** Repeats `body` while `again` leaves a number other than 0; the body runs at least once. */
const loop = (body: number[], again: number[]) => [0x03, 0x40, ...body, ...again, 0x0d, 0, 0x0b]
const advance = (local: number, by: number[]) => [...get(local), ...by, ...i32Add, ...set(local)]
const vectorAt = (base: number[], offset: number) => [...base, ...loadVector(offset)]

/** One row after the other; `chunkOfRow` adds what lies at byte `at` of row and query to the sums, `step` bytes of the row. */
function scan(chunkOfRow: number[], step: number, total: number[]): number[] {
  const inRow = loop([...chunkOfRow, ...advance(at, i32(step))], [...get(at), ...get(stride), ...i32LessThan])
  const row = [
    ...sums.flatMap((sum) => [...zeroVector, ...set(sum)]),
    ...[...i32(0), ...set(at)],
    ...inRow,
    ...[...get(out), ...total, ...storeF32],
    ...advance(out, i32(4)),
    ...advance(rows, get(stride)),
  ]
  const allRows = loop(row, [...get(out), ...get(end), ...i32LessThan])
  const endOfOut = [...get(out), ...get(count), ...i32(2), 0x74, ...i32Add, ...set(end)]
  // No rows: nothing to do.
  return [...get(count), 0x45, 0x04, 0x40, 0x0f, 0x0b, ...endOfOut, ...allRows]
}

const rowAt = [...get(rows), ...get(at), ...i32Add]
const queryAt = [...get(query), ...get(at), ...i32Add]
const wideQueryAt = [...get(query), ...get(at), ...i32(1), 0x74, ...i32Add]

const f32Body = scan(
  sums.flatMap((sum, i) => [
    ...get(sum),
    ...[...vectorAt(rowAt, 16 * i), ...vectorAt(queryAt, 16 * i), ...f32x4Multiply],
    ...[...f32x4Add, ...set(sum)],
  ]),
  64,
  [
    ...[...get(sums[0]), ...get(sums[1]), ...f32x4Add, ...get(sums[2]), ...get(sums[3]), ...f32x4Add, ...f32x4Add],
    ...set(sums[0]),
    ...[0, 1, 2, 3].flatMap((lane) => [...get(sums[0]), ...f32Lane(lane), ...(lane > 0 ? f32Add : [])]),
  ],
)
const int8Body = scan(
  [0, 1].flatMap((half) =>
    [i16x8FromLowInt8, i16x8FromHighInt8].flatMap((widen, i) => [
      ...get(sums[2 * half + i]),
      ...[...vectorAt(rowAt, 16 * half), ...widen, ...vectorAt(wideQueryAt, 32 * half + 16 * i), ...i32x4Dot],
      ...[...i32x4Add, ...set(sums[2 * half + i])],
    ]),
  ),
  32,
  [
    ...[...get(sums[0]), ...get(sums[1]), ...i32x4Add, ...get(sums[2]), ...get(sums[3]), ...i32x4Add, ...i32x4Add],
    ...set(sums[0]),
    ...[0, 1, 2, 3].flatMap((lane) => [...get(sums[0]), ...i32Lane(lane), ...(lane > 0 ? i32Add : [])]),
    ...f32FromI32,
  ],
)

const section = (id: number, bytes: number[]) => [id, ...leb(bytes.length), ...bytes]
const text = (value: string) => [value.length, ...Buffer.from(value, 'latin1')]
const functionBody = (body: number[]) => {
  // Locals beyond the parameters: two i32, four v128.
  const bytes = [2, 2, 0x7f, 4, 0x7b, ...body, 0x0b]
  return [...leb(bytes.length), ...bytes]
}

/** Compiles the module; it imports its memory as env.memory, shared, of at most `maximumPages`. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0]),
    // Limits flag 3: shared, with a maximum. 65,536 pages are 4 GiB.
    ...section(2, [1, ...text('env'), ...text('memory'), 2, 3, 0, ...leb(65_536)]),
    ...section(3, [2, 0, 0]),
    ...section(7, [2, ...text('scan_f32'), 0, 0, ...text('scan_int8'), 0, 1]),
    ...section(10, [2, ...functionBody(f32Body), ...functionBody(int8Body)]),
  ])
}

export type Scan = (query: number, rows: number, count: number, stride: number, out: number) => void
export interface ScanKernels {
  scan_f32: Scan
  scan_int8: Scan
}

let compiled: WebAssembly.Module | null = null
/** The compiled kernels; made once. */
export const scanModule = (): WebAssembly.Module => (compiled ??= new WebAssembly.Module(moduleBytes()))

/** The kernels over a memory. */
export const instantiateScan = (memory: WebAssembly.Memory): ScanKernels =>
  new WebAssembly.Instance(scanModule(), { env: { memory } }).exports as unknown as ScanKernels
