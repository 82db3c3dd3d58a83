/** Matrix kernels on a device of their own. */
import { type Gpu, type KernelProbe, matrixProbe, packedFormats } from '../engine'
import { type Benchmark } from './benchmark'

/** The shapes that results are named after: prefill and decoding. */
const shapes = {
  matmul: { tokens: 512, rows: 2048, cols: 2048 },
  matvec: { tokens: 1, rows: 24_576, cols: 576 },
}

/** Every weight format as a matrix product of many tokens and of one. Throws out_of_memory. */
export async function matrixBenchmarks(gpu: Gpu): Promise<Benchmark[]> {
  const benchmarks: Benchmark[] = []
  for (const [kind, shape] of Object.entries(shapes))
    for (const format of packedFormats) {
      const probe = await matrixProbe(gpu, format, shape)
      const gigaflops = probe.flops / 1e9
      benchmarks.push({
        name: `${kind}_${format}`,
        unit: 'GFLOP/s',
        amount: gigaflops,
        work: probe,
        measure: async () => rate(gigaflops, probe),
      })
    }
  return benchmarks
}

const rate = async (amount: number, probe: KernelProbe) => (amount * 1000) / (await probe.measure())
