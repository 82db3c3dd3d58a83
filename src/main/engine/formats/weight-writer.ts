/** What both format writers hand out: tensors are described first, then filled piece by piece in any order. */
import { rm } from 'node:fs/promises'
import { MoruError } from '../../../shared/errors'
import { figure } from './file-error'
import { demandSpace, OutputFile } from './output-file'
import type { TensorType } from './weight-file'

export interface TensorDescriptor {
  name: string
  /** Outermost first: a linear layer is [outputs, inputs]. */
  shape: readonly number[]
  type: TensorType
}

export interface WeightWriter {
  /** Bytes of all files together. */
  readonly sizeBytes: number
  /** Appends to a tensor's data: row after row, as the file format has them. Tensors may take turns. @throws MoruError io */
  write(name: string, bytes: Uint8Array): Promise<void>
  /** Gives the files their names, when every tensor is complete. Returns their absolute paths, the one to open first. */
  finish(): Promise<string[]>
  /** Leaves nothing behind; harmless after `finish`. */
  discard(): Promise<void>
}

/** A file to be made: what stands at its start, and where its tensors go. */
export interface FilePlan {
  path: string
  header: Uint8Array
  sizeBytes: number
  /** Each tensor's place from the start of the file, and its length. */
  places: ReadonlyMap<string, { position: number; sizeBytes: number }>
}

interface Slot {
  file: OutputFile
  position: number
  sizeBytes: number
  written: number
}

/** Fills a writer and gives its files their names; nothing is left where that fails. Returns what `finish` returns. */
export async function finishWith(writer: WeightWriter, fill: () => Promise<void>): Promise<string[]> {
  try {
    await fill()
    return await writer.finish()
  } catch (thrown) {
    await writer.discard()
    throw thrown
  }
}

/**
 * Opens the planned files aside. The first of them is published last, since it is what a reader opens.
 * @throws MoruError conflict, not_found, io
 */
export async function openWriter(plans: readonly FilePlan[]): Promise<WeightWriter> {
  const sizeBytes = plans.reduce((sum, plan) => sum + plan.sizeBytes, 0)
  await demandSpace(plans[0].path, sizeBytes)
  const files: OutputFile[] = []
  const slots = new Map<string, Slot>()
  try {
    for (const plan of plans) {
      const file = await OutputFile.create(plan.path, plan.sizeBytes)
      files.push(file)
      await file.write(plan.header, 0)
      for (const [name, place] of plan.places) slots.set(name, { file, ...place, written: 0 })
    }
    return new PlacedTensors(files, slots, sizeBytes)
  } catch (thrown) {
    await Promise.all(files.map((file) => file.discard()))
    throw thrown
  }
}

class PlacedTensors implements WeightWriter {
  readonly sizeBytes: number
  readonly #files: OutputFile[]
  readonly #slots: ReadonlyMap<string, Slot>

  constructor(files: OutputFile[], slots: ReadonlyMap<string, Slot>, sizeBytes: number) {
    this.#files = files
    this.#slots = slots
    this.sizeBytes = sizeBytes
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const slot = this.#slots.get(name)
    if (!slot) throw new MoruError('internal', `Tensor ${name} was not announced to the writer.`)
    const { written, sizeBytes } = slot
    if (written + bytes.length > sizeBytes) {
      const given = figure(written + bytes.length)
      throw new MoruError('internal', `Tensor ${name} has ${figure(sizeBytes)} bytes, but ${given} were given for it.`)
    }
    slot.written += bytes.length
    await slot.file.write(bytes, slot.position + written)
  }

  async finish(): Promise<string[]> {
    for (const [name, { written, sizeBytes }] of this.#slots) {
      if (written === sizeBytes) continue
      const problem = `has ${figure(written)} of its ${figure(sizeBytes)} bytes`
      throw new MoruError('internal', `The model cannot be finished: tensor ${name} ${problem}.`)
    }
    for (const file of this.#files) await file.seal()
    const published: string[] = []
    try {
      for (const file of this.#files.toReversed()) {
        await file.publish()
        published.push(file.destination)
      }
    } catch (thrown) {
      // Some shards without the others would be taken for a damaged model.
      await Promise.all(published.map((path) => rm(path, { force: true })))
      throw thrown
    }
    return published.toReversed()
  }

  async discard(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.discard()))
  }
}
