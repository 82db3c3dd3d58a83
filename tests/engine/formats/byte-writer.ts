/** Writes binary files field by field and remembers where each field stands, so that tests can damage one of them. */

export interface Field {
  name: string
  offset: number
  bytes: number
}

export class ByteWriter {
  readonly fields: Field[] = []
  readonly #chunks: Uint8Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  bytes(chunk: Uint8Array): this {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    return this
  }

  #number(name: string, bytes: number, write: (view: DataView) => void): this {
    this.fields.push({ name, offset: this.#length, bytes })
    const chunk = new Uint8Array(bytes)
    write(new DataView(chunk.buffer))
    return this.bytes(chunk)
  }

  u8(name: string, value: number): this {
    return this.#number(name, 1, (view) => view.setUint8(0, value))
  }
  u16(name: string, value: number): this {
    return this.#number(name, 2, (view) => view.setUint16(0, value, true))
  }
  u32(name: string, value: number): this {
    return this.#number(name, 4, (view) => view.setUint32(0, value, true))
  }
  f32(name: string, value: number): this {
    return this.#number(name, 4, (view) => view.setFloat32(0, value, true))
  }
  f64(name: string, value: number): this {
    return this.#number(name, 8, (view) => view.setFloat64(0, value, true))
  }
  u64(name: string, value: number | bigint): this {
    return this.#number(name, 8, (view) => view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true))
  }

  /** UTF-8 with its length before it. */
  text(name: string, value: string | Uint8Array): this {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    return this.u64(`length of ${name}`, bytes.length).bytes(bytes)
  }

  alignTo(multiple: number): this {
    return this.bytes(new Uint8Array((multiple - (this.#length % multiple)) % multiple))
  }

  result(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#chunks))
  }
}
