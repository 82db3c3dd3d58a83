/** One run: opens what is to be measured, takes turns, and sets the medians against the ceilings of the same run. */
import { type ParsedInputOf } from '../../shared/contract'
import { type BenchReport, type BenchResult, type benchRun } from '../../shared/contract/bench'
import { type Ceiling, type CeilingName } from '../../shared/contract/ceilings'
import { ceilingProbes, Gpu } from '../engine'
import { type ModelLibrary } from '../models'
import { type EmbeddingSource } from '../rag'
import { type TextEngine } from '../text'
import { batchReport } from './batch-model'
import { type Benchmark } from './benchmark'
import { embedBenchmarks } from './embed-benchmarks'
import { matrixBenchmarks } from './kernel-benchmarks'
import { type Sample, takeTurns } from './measure'
import { batchBenchmarks, batchContext, decodeBenchmark, prefillBenchmark, type TextOptions } from './model-benchmarks'
import { type Ceilings, type ModelCost, modelCost, shortestSeconds } from './roofline'
import { searchBenchmarks } from './search-benchmarks'

export interface BenchServices {
  engine: TextEngine & Pick<EmbeddingSource, 'ensureEmbedder'>
  library: Pick<ModelLibrary, 'get'>
  /** Throws model_not_loaded when none is named and there is no default. */
  modelOf: (named: string | null) => string
}

export interface BenchProgress {
  name: string
  done: number
  total: number
}

type Input = ParsedInputOf<typeof benchRun>

/** Throws no_adapter, out_of_memory, cancelled, and what loading the model throws. */
export async function runBench(
  services: BenchServices,
  input: Input,
  report: (progress: BenchProgress) => void,
  signal: AbortSignal,
): Promise<BenchReport> {
  // A device beside the engine's: what is measured there cannot disturb a model that answers, nor be kept by one.
  const gpu = await Gpu.open()
  const releases: (() => void)[] = []
  try {
    const ceilings = await ceilingProbes(gpu, ['stream_read', 'multiply_add'])
    const held: Held = { hold: (release) => void releases.push(release), report }
    const { benchmarks, subject } = await chosen(services, input, gpu, held, signal)
    const all = [...ceilings, ...benchmarks]
    const total = all.length * (input.repetitions + 1)
    const samples = await takeTurns(all, input.repetitions, signal, (name, done) => report({ name, done, total }))
    const measured = ceilings.map(({ name, unit }) => ({ name, unit, ...figure(samples.get(name)!) }))
    const limits = limitsOf(measured)
    const results = benchmarks.map((benchmark) => resultOf(benchmark, samples.get(benchmark.name)!, limits))
    const batch = subject && batchReport(subject.name, subject.cost, batchContext, results, limits)
    if (batch) batch.repetitions = input.repetitions
    return { device: deviceOf(gpu), ceilings: measured, results, batch }
  } finally {
    for (const release of releases) release()
    await gpu.idle().catch(() => undefined)
    gpu.destroy()
  }
}

const textSuites = ['decode', 'prefill', 'batch'] as const

/** The model that writes. */
interface Subject {
  name: string
  cost: ModelCost
}

interface Held {
  /** Called when all is measured, and when something fails. */
  hold(release: () => void): void
  report(progress: BenchProgress): void
}

async function chosen(
  services: BenchServices,
  input: Input,
  gpu: Gpu,
  { hold, report }: Held,
  signal: AbortSignal,
): Promise<{ benchmarks: Benchmark[]; subject: Subject | null }> {
  const { suites, load } = input
  const writes = textSuites.some((suite) => suites.includes(suite))
  const benchmarks: Benchmark[] = []
  let subject: Subject | null = null
  if (writes) {
    const model = await services.engine.ensureLoaded(services.modelOf(input.model), load, () => undefined, signal)
    hold(() => model.release())
    const detail = await services.library.get(model.id, load)
    const cost = modelCost(detail)
    subject = { name: model.name, cost }
    benchmarks.push(...modelBenchmarks(input, { model, vocabSize: detail.vocabSize, cost }))
  }
  if (suites.includes('matmul')) benchmarks.push(...(await matrixBenchmarks(gpu)))
  if (suites.includes('embed')) {
    // A model that was named for writing does not embed.
    const held = await services.engine.ensureEmbedder(writes ? null : input.model, signal)
    hold(() => held.release())
    benchmarks.push(...embedBenchmarks(held.embedder, await services.library.get(held.id, load)))
  }
  if (suites.includes('search')) {
    const onProgress = (done: number, total: number) => report({ name: 'search_hnsw (building)', done, total })
    const search = await searchBenchmarks(input.vectors, onProgress, signal)
    hold(() => search.close())
    benchmarks.push(...search.benchmarks)
  }
  return { benchmarks, subject }
}

function modelBenchmarks({ suites, batchSizes }: Input, options: TextOptions): Benchmark[] {
  const benchmarks: Benchmark[] = []
  if (suites.includes('decode')) benchmarks.push(decodeBenchmark(options))
  if (suites.includes('prefill')) benchmarks.push(prefillBenchmark(options))
  if (suites.includes('batch')) benchmarks.push(...batchBenchmarks(options, batchSizes))
  return benchmarks
}

/**
 * The device and what it does at best, alone: the best of the repetitions of each ceiling, because what else the machine does can
 * only take from it. Throws no_adapter, cancelled.
 */
export async function measureCeilings(
  repetitions: number,
  signal: AbortSignal,
  onStep: (name: string, done: number, total: number) => void = () => undefined,
): Promise<Pick<BenchReport, 'device' | 'ceilings'>> {
  const gpu = await Gpu.open()
  try {
    const probes = await ceilingProbes(gpu)
    const total = probes.length * (repetitions + 1)
    const samples = await takeTurns(probes, repetitions, signal, (name, done) => onStep(name, done, total))
    const ceilings = probes.map(({ name, unit }) => {
      const { smallest, largest, spread } = samples.get(name)!
      return { name, unit, value: unit === 'us' ? smallest : largest, spread }
    })
    return { device: deviceOf(gpu), ceilings }
  } finally {
    await gpu.idle().catch(() => undefined)
    gpu.destroy()
  }
}

function deviceOf({ report: { adapter, driver, backend, software } }: Gpu): BenchReport['device'] {
  return { adapter, driver, backend, software }
}

const figure = ({ median, spread }: Sample) => ({ value: median, spread })

function limitsOf(ceilings: Ceiling[]): Ceilings {
  const value = (name: CeilingName) => ceilings.find((ceiling) => ceiling.name === name)!.value
  return { gigabytesPerSecond: value('stream_read'), gigaflopsPerSecond: value('multiply_add') }
}

function resultOf(
  { name, unit, amount, work, recallAt10 }: Benchmark,
  { median, spread }: Sample,
  limits: Ceilings,
): BenchResult {
  const leastSeconds = 'leastMs' in work ? work.leastMs() / 1000 : shortestSeconds(work, limits)
  const timed = unit === 'ms'
  const roofline = timed ? 1000 * leastSeconds : amount / leastSeconds
  const ratio = timed ? roofline / median : median / roofline
  return { name, value: median, unit, roofline, ratio, spread, ...(recallAt10 !== undefined && { recallAt10 }) }
}
