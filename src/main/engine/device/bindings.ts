/** Bind groups and uniform parameters by content, so that a step that repeats costs no new objects. */

const pageBytes = 65_536
/** Above this many entries everything is dropped: prefills of ever new lengths must not grow the cache for ever. */
const maxEntries = 20_000

interface UniformSlot {
  buffer: GPUBuffer
  offset: number
  size: number
}

export type Binding = GPUBuffer | { buffer: GPUBuffer; offset: number; size: number }

export class BindingCache {
  private readonly device: GPUDevice
  private readonly ids = new WeakMap<GPUBuffer, number>()
  private nextId = 1
  private readonly groups = new Map<string, GPUBindGroup>()
  private readonly groupsOf = new Map<number, Set<string>>()
  private readonly uniforms = new Map<string, UniformSlot>()
  private page: GPUBuffer | null = null
  private pageUsed = 0
  private readonly pages: GPUBuffer[] = []

  constructor(device: GPUDevice) {
    this.device = device
  }

  private idOf(buffer: GPUBuffer): number {
    let id = this.ids.get(buffer)
    if (id === undefined) this.ids.set(buffer, (id = this.nextId++))
    return id
  }

  /** The bind group of `layout` with these buffers and, as the last binding, these parameter bytes. */
  group(
    pipeline: GPUComputePipeline,
    pipelineKey: string,
    bindings: Binding[],
    params: Uint32Array<ArrayBuffer> | null,
  ): GPUBindGroup {
    const buffers = bindings.map((b) => ('buffer' in b ? `${this.idOf(b.buffer)}@${b.offset}+${b.size}` : this.idOf(b)))
    const key = `${pipelineKey}|${buffers.join()}|${params?.join() ?? ''}`
    const known = this.groups.get(key)
    if (known) return known
    const entries = bindings.map((b, binding) => ({ binding, resource: 'buffer' in b ? b : { buffer: b } }))
    if (params) entries.push({ binding: entries.length, resource: this.uniform(params) })
    const group = this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries })
    this.groups.set(key, group)
    for (const b of bindings) {
      const id = this.idOf('buffer' in b ? b.buffer : b)
      if (!this.groupsOf.has(id)) this.groupsOf.set(id, new Set())
      this.groupsOf.get(id)!.add(key)
    }
    return group
  }

  private uniform(params: Uint32Array<ArrayBuffer>): UniformSlot {
    const key = params.join()
    const known = this.uniforms.get(key)
    if (known) return known
    const size = Math.ceil(params.byteLength / 16) * 16
    if (!this.page || this.pageUsed + size > pageBytes) {
      this.page = this.device.createBuffer({
        label: 'parameters',
        size: pageBytes,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      })
      this.pages.push(this.page)
      this.pageUsed = 0
    }
    const slot = { buffer: this.page, offset: this.pageUsed, size }
    this.device.queue.writeBuffer(this.page, slot.offset, params.buffer, params.byteOffset, params.byteLength)
    this.pageUsed += Math.ceil(size / 256) * 256
    this.uniforms.set(key, slot)
    return slot
  }

  /** Drops everything once the cache has grown too large. Call between submits only. */
  trim(): void {
    if (this.groups.size < maxEntries) return
    this.groups.clear()
    this.groupsOf.clear()
    this.uniforms.clear()
    for (const page of this.pages) page.destroy()
    this.pages.length = 0
    this.page = null
  }

  forget(buffer: GPUBuffer): void {
    const id = this.ids.get(buffer)
    if (id === undefined) return
    for (const key of this.groupsOf.get(id) ?? []) this.groups.delete(key)
    this.groupsOf.delete(id)
  }
}
