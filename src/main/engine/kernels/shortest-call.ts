/** A dispatch that does next to nothing: what is measured with it is what starting, stamping or waiting for one costs. */
import { type Gpu } from '../device/gpu'
import { multiplyAdd } from './ceilings'
import { type Recorder } from './recorder'

export interface ShortestCall {
  /** Records it. Calls wait for one another: they write the same buffer. */
  run(): void
  readonly out: GPUBuffer
  release(): void
}

/** Throws out_of_memory. */
export async function shortestCall(gpu: Gpu, recorder: Recorder): Promise<ShortestCall> {
  const x = await gpu.allocate('shortest call', gpu.profile.lanes * 64)
  const out = await gpu.allocate('shortest call result', gpu.profile.lanes * 4)
  const values = { groups: 1, rounds: 0, factor: 0, shift: 0 }
  return {
    run: () => recorder.run(multiplyAdd, { NUMBER: 'f32' }, { x, out }, values),
    out,
    release: () => [x, out].forEach((buffer) => gpu.release(buffer)),
  }
}
