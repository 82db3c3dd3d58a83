/** Records kernels, copies and downloads into one submission. */
import { MoruError } from '../../../shared/errors'
import { type Binding } from '../device/bindings'
import { type Gpu } from '../device/gpu'
import { composeSource, numericConstants, type Constants } from './compose'
import { type ConstantValue, type Kernel, type ParamType, type TypedKernel } from './define-kernel'

const maxGroupsPerDimension = 65_535

interface Compiled {
  pipeline: GPUComputePipeline
  key: string
}

/** Pipelines by kernel and constants, compiled once for a device. */
export class PipelineCache {
  private readonly gpu: Gpu
  private readonly compiled = new Map<string, Compiled>()

  constructor(gpu: Gpu) {
    this.gpu = gpu
  }

  get(kernel: Kernel, constants: Constants): Compiled {
    const key = `${kernel.name}(${Object.values(constants).join()})`
    const known = this.compiled.get(key)
    if (known) return known
    for (const name of kernel.constants)
      if (!(name in constants))
        throw new MoruError('internal', `Kernel ${kernel.name} was called without its constant ${name}.`)
    const module = this.gpu.device.createShaderModule({
      label: key,
      code: composeSource(kernel, constants, this.gpu.profile),
    })
    const pipeline = this.gpu.device.createComputePipeline({
      label: key,
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    })
    const entry = { pipeline, key }
    this.compiled.set(key, entry)
    return entry
  }
}

/** Parameters as the 32-bit words of a WGSL struct of scalars. */
function packParams(
  types: Readonly<Record<string, ParamType>>,
  values: Record<string, number>,
): Uint32Array<ArrayBuffer> | null {
  const names = Object.keys(types)
  if (names.length === 0) return null
  const view = new DataView(new ArrayBuffer(names.length * 4))
  names.forEach((name, i) => {
    const value = values[name]
    if (types[name] === 'f32') view.setFloat32(i * 4, value, true)
    else if (types[name] === 'i32') view.setInt32(i * 4, value, true)
    else view.setUint32(i * 4, value, true)
  })
  return new Uint32Array(view.buffer)
}

/** One number folded into a grid whose sides stay legal; kernels undo it with `flat_group`. */
export function foldGrid(groups: number | [number, number]): [number, number] {
  if (typeof groups !== 'number') return groups
  if (groups <= maxGroupsPerDimension) return [groups, 1]
  const rows = Math.ceil(groups / maxGroupsPerDimension)
  return [Math.ceil(groups / rows), rows]
}

export interface KernelCall {
  kernel: Kernel
  constants: Constants
  buffers: Record<string, Binding>
  /** Parameters and measures. */
  values: Record<string, number>
  grid: [number, number]
  /** Where in the model it ran, e.g. 'layer.3.attention'. */
  scope: string
}

/** Sees every kernel before it is recorded; may end the pass to put time stamps around it. */
export interface RecordObserver {
  /** A descriptor begins a pass of its own for this call. */
  before(call: KernelCall, recorder: Recorder): GPUComputePassDescriptor | undefined
  /** The last commands of a submission; no pass is open. */
  beforeSubmit?(encoder: GPUCommandEncoder): void
  /** The submission is on its way. */
  submitted?(): void
}

export class Recorder {
  readonly gpu: Gpu
  private readonly pipelines: PipelineCache
  private encoder: GPUCommandEncoder | null = null
  private pass: GPUComputePassEncoder | null = null
  observer: RecordObserver | null = null
  scope = ''

  constructor(gpu: Gpu, pipelines = new PipelineCache(gpu)) {
    this.gpu = gpu
    this.pipelines = pipelines
  }

  /** Records one kernel. Workgroups follow from parameters and constants. */
  run<B extends string, P extends string, C extends string>(
    kernel: TypedKernel<B, P, C>,
    constants: Record<C, ConstantValue>,
    buffers: Record<B, Binding>,
    values: Record<P, number>,
  ): void {
    const { pipeline, key } = this.pipelines.get(kernel, constants)
    const names = [...Object.keys(kernel.inputs), ...Object.keys(kernel.outputs)] as B[]
    const bindings = names.map((name) => buffers[name])
    const group = this.gpu.bindings.group(pipeline, key, bindings, packParams(kernel.params, values))
    const [x, y] = foldGrid(
      kernel.workgroups({ ...numericConstants(constants), ...values, LANES: this.gpu.profile.lanes }),
    )
    if (x === 0 || y === 0) return
    const pass = this.openPass({ kernel, constants, buffers, values, grid: [x, y], scope: this.scope })
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(x, y)
  }

  copy(source: GPUBuffer, sourceOffset: number, target: GPUBuffer, targetOffset: number, bytes: number): void {
    this.endPass()
    this.commands().copyBufferToBuffer(source, sourceOffset, target, targetOffset, Math.ceil(bytes / 4) * 4)
  }

  /** Ends the current pass, so that an observer's next pass starts with its own stamps. */
  endPass(): void {
    this.pass?.end()
    this.pass = null
  }

  /** The encoder, for an observer's own commands; no pass is open. */
  commands(): GPUCommandEncoder {
    return (this.encoder ??= this.gpu.device.createCommandEncoder())
  }

  submit(): void {
    this.gpu.check()
    this.endPass()
    if (!this.encoder) return
    this.observer?.beforeSubmit?.(this.encoder)
    this.gpu.device.queue.submit([this.encoder.finish()])
    this.encoder = null
    this.observer?.submitted?.()
  }

  private openPass(call: KernelCall): GPUComputePassEncoder {
    const descriptor = this.observer?.before(call, this)
    if (descriptor) this.endPass()
    return (this.pass ??= this.commands().beginComputePass(descriptor))
  }
}
