/** The GPU as the engine sees it: one device, its limits, its memory account, and errors as MoruError. */
import { totalmem } from 'node:os'
import { create, globals } from 'webgpu'
import { MoruError } from '../../../shared/errors'
import { BindingCache } from './bindings'
import { profileOf, type DeviceProfile } from './profile'
import { settled } from './wait'

Object.assign(globalThis, globals)

export interface GpuOptions {
  /** Tests lower limits or hide features to walk the paths of smaller devices. */
  maxBindingBytes?: number
  withoutFeatures?: GPUFeatureName[]
  /** Invocations of a workgroup, as on another device: a multiple of 8, a power of two. */
  lanes?: number
  /** Bytes the engine may hold in all; default: three quarters of the machine's memory on a software adapter, else no bound of ours. */
  memoryBytes?: number
}

export interface AdapterReport {
  adapter: string
  driver: string
  backend: string
  software: boolean
  features: string[]
  limits: Record<string, number>
}

const optionalFeatures: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query']
const raisedLimits = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const

// Dawn ends in a segmentation fault when its instance is collected while work is pending.
let instance: GPU | null = null
function gpuInstance(): GPU {
  // Stamps are otherwise rounded to 65,536 ns.
  instance ??= create(['disable-dawn-features=timestamp_quantization'])
  return instance
}

async function requestAdapter(): Promise<GPUAdapter> {
  const adapter = await gpuInstance().requestAdapter({ powerPreference: 'high-performance' })
  if (adapter) return adapter
  throw new MoruError(
    'no_adapter',
    'No GPU adapter was found. Moru needs a Vulkan, Metal or Direct3D 12 driver; without a GPU, Mesa’s software driver does ' +
      '(Debian and Ubuntu: apt-get install mesa-vulkan-drivers). `moru doctor` shows what was looked for.',
  )
}

function describe(adapter: GPUAdapter): AdapterReport {
  const { info } = adapter
  const limits = Object.fromEntries(raisedLimits.map((name) => [name, Number(adapter.limits[name])]))
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase()
  return {
    adapter: adapterName(info),
    driver: info.description,
    backend: process.platform === 'darwin' ? 'Metal' : process.platform === 'win32' ? 'Direct3D 12' : 'Vulkan',
    software: /llvmpipe|lavapipe|swiftshader|software|basic render/.test(names),
    features: [...adapter.features].sort(),
    limits,
  }
}

/** Dawn gives names as slugs ('nvidia-geforce-rtx-4090'); a software driver's says more in its description. */
function adapterName(info: GPUAdapterInfo): string {
  const described = info.description.split(':')[0].trim()
  const slug = /^0x|llvm/.test(info.device) ? '' : info.device.replaceAll('-', ' ').trim()
  return slug || described || info.vendor || 'unknown adapter'
}

/** What the adapter offers, without opening a device. Throws no_adapter. */
export async function inspectAdapter(): Promise<AdapterReport> {
  return describe(await requestAdapter())
}

export class Gpu {
  readonly device: GPUDevice
  readonly report: AdapterReport
  readonly features: ReadonlySet<string>
  readonly profile: DeviceProfile
  readonly maxBindingBytes: number
  readonly maxBufferBytes: number
  readonly bindings: BindingCache
  /** Bytes in buffers that are alive. */
  allocatedBytes = 0
  /** Infinity where nobody says: WebGPU does not tell how much memory a graphics card has. */
  readonly memoryBytes: number
  /** Set once the device is gone; every further call throws it. */
  lost: MoruError | null = null
  private shaderError: MoruError | null = null

  private constructor(device: GPUDevice, report: AdapterReport, profile: DeviceProfile, options: GpuOptions) {
    this.device = device
    this.report = report
    this.profile = profile
    this.features = new Set(device.features)
    this.maxBindingBytes = Math.min(options.maxBindingBytes ?? Infinity, device.limits.maxStorageBufferBindingSize)
    this.maxBufferBytes = device.limits.maxBufferSize
    this.memoryBytes = options.memoryBytes ?? (report.software ? Math.floor(totalmem() * 0.75) : Infinity)
    this.bindings = new BindingCache(device)
    void device.lost.then((info) => {
      this.lost = new MoruError(
        'device_lost',
        `The GPU device was lost (${info.message || info.reason}). Moru reopens it with the next request.`,
      )
    })
    device.addEventListener('uncapturederror', (event) => {
      this.shaderError ??= new MoruError('internal', `The GPU refused a command: ${event.error.message}`)
    })
  }

  /** Opens the best adapter's device. Throws no_adapter. */
  static async open(options: GpuOptions = {}): Promise<Gpu> {
    const adapter = await requestAdapter()
    const hidden = new Set(options.withoutFeatures)
    const requiredFeatures = optionalFeatures.filter((f) => adapter.features.has(f) && !hidden.has(f))
    const requiredLimits = Object.fromEntries(raisedLimits.map((name) => [name, Number(adapter.limits[name])]))
    const device = await adapter.requestDevice({ requiredFeatures, requiredLimits })
    const report = describe(adapter)
    const features = new Set(requiredFeatures)
    return new Gpu(device, report, profileOf(adapter.info, features, report.software, options.lanes), options)
  }

  /** Throws what went wrong outside any call: a lost device, a refused command. */
  check(): void {
    if (this.lost) throw this.lost
    if (this.shaderError) throw this.shaderError
  }

  /**
   * A buffer of at least `bytes`, counted in `allocatedBytes` until `release`. Throws out_of_memory with the figures.
   */
  async allocate(label: string, bytes: number, usage = storageUsage()): Promise<GPUBuffer> {
    this.check()
    const size = Math.max(16, Math.ceil(bytes / 16) * 16)
    if (size > this.maxBufferBytes)
      throw this.outOfMemory(label, size, `one buffer may hold ${this.maxBufferBytes.toLocaleString('en')} bytes here`)
    if (this.allocatedBytes + size > this.memoryBytes)
      throw this.outOfMemory(
        label,
        size,
        `${this.allocatedBytes.toLocaleString('en')} of ${this.memoryBytes.toLocaleString('en')} bytes are in use`,
      )
    this.device.pushErrorScope('out-of-memory')
    const buffer = this.device.createBuffer({ label, size, usage })
    const error = await this.device.popErrorScope()
    if (error) throw this.outOfMemory(label, size, error.message)
    this.allocatedBytes += size
    return buffer
  }

  release(buffer: GPUBuffer): void {
    this.allocatedBytes -= buffer.size
    this.bindings.forget(buffer)
    buffer.destroy()
  }

  write(buffer: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    this.device.queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, data.byteLength)
  }

  /** Waits until everything submitted is done. Throws device_lost. */
  async idle(): Promise<void> {
    this.check()
    await this.orLost(settled(this.device.queue.onSubmittedWorkDone()))
    this.check()
  }

  /** The bytes of a mapped staging buffer that `recorder.download` filled. */
  async mapped(staging: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    await this.orLost(settled(staging.mapAsync(GPUMapMode.READ, 0, Math.ceil(bytes / 8) * 8)))
    const copy = staging.getMappedRange(0, Math.ceil(bytes / 8) * 8).slice(0, bytes)
    staging.unmap()
    this.check()
    return copy
  }

  destroy(): void {
    this.device.destroy()
  }

  private async orLost<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      // The device's own promise settles a turn later than the work it took down.
      await new Promise((resolve) => setImmediate(resolve))
      throw (
        this.lost ?? new MoruError('device_lost', `The GPU stopped answering: ${(cause as Error).message}`, { cause })
      )
    }
  }

  private outOfMemory(label: string, bytes: number, why: string): MoruError {
    return new MoruError(
      'out_of_memory',
      `${label} needs ${bytes.toLocaleString('en')} bytes of GPU memory, but ${why}.`,
      {
        details: { label, bytes, allocatedBytes: this.allocatedBytes },
      },
    )
  }
}

export function storageUsage(): number {
  return GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
}
