/** One run: opens what is to be measured, takes turns, and sets the medians against the ceilings of the same run. */
import { type ParsedInputOf } from '../../shared/contract'
import { type BenchReport, type BenchResult, type benchRun } from '../../shared/contract/bench'
import { type Ceiling, type CeilingName } from '../../shared/contract/ceilings'
import { ceilingProbes, Gpu } from '../engine'
import { type ModelLibrary } from '../models'
import { type TextEngine, type TextModel } from '../text'
import { type Benchmark } from './benchmark'
import { matrixBenchmarks } from './kernel-benchmarks'
import { type Sample, takeTurns } from './measure'
import { batchBenchmarks, decodeBenchmark, prefillBenchmark } from './model-benchmarks'
import { type Ceilings, modelCost, shortestSeconds } from './roofline'

export interface BenchServices {
  engine: TextEngine
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
  const model = await loadedModel(services, input, signal).catch((error: unknown) => {
    gpu.destroy()
    throw error
  })
  try {
    const ceilings = await ceilingProbes(gpu, ['stream_read', 'multiply_add'])
    const benchmarks = await chosen(services, input, gpu, model)
    const all = [...ceilings, ...benchmarks]
    const total = all.length * (input.repetitions + 1)
    const samples = await takeTurns(all, input.repetitions, signal, (name, done) => report({ name, done, total }))
    const measured = ceilings.map(({ name, unit }) => ({ name, unit, ...figure(samples.get(name)!) }))
    const limits = limitsOf(measured)
    return {
      device: deviceOf(gpu),
      ceilings: measured,
      results: benchmarks.map((benchmark) => resultOf(benchmark, samples.get(benchmark.name)!, limits)),
    }
  } finally {
    model?.release()
    await gpu.idle().catch(() => undefined)
    gpu.destroy()
  }
}

/** The model that the suites ask for; null when none does. */
async function loadedModel(services: BenchServices, input: Input, signal: AbortSignal): Promise<TextModel | null> {
  if (input.suites.every((suite) => suite === 'matmul')) return null
  return services.engine.ensureLoaded(services.modelOf(input.model), input.load, () => undefined, signal)
}

async function chosen(
  services: BenchServices,
  { suites, load }: Input,
  gpu: Gpu,
  model: TextModel | null,
): Promise<Benchmark[]> {
  const benchmarks: Benchmark[] = []
  if (model) {
    const detail = await services.library.get(model.id, load)
    const options = { model, vocabSize: detail.vocabSize, cost: modelCost(detail) }
    if (suites.includes('decode')) benchmarks.push(decodeBenchmark(options))
    if (suites.includes('prefill')) benchmarks.push(prefillBenchmark(options))
    if (suites.includes('batch')) benchmarks.push(...batchBenchmarks(options))
  }
  if (suites.includes('matmul')) benchmarks.push(...(await matrixBenchmarks(gpu)))
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

function resultOf({ name, unit, amount, work }: Benchmark, { median }: Sample, limits: Ceilings): BenchResult {
  const roofline = amount / shortestSeconds(work, limits)
  return { name, value: median, unit, roofline, ratio: median / roofline }
}
