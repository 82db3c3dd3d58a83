/** Conversion as a job. */
import { type EventOf, type ParsedInputOf } from '../../shared/contract'
import { conversion, type convertRun } from '../../shared/contract/quantize'
import { convertModel, openModelFile } from '../engine'
import { awaitJob, type JobRunner } from '../jobs'
import { type ModelLibrary } from '../models'
import { isQuantized } from './plan'

/** Throws what opening and writing throw; then nothing of the target is left. */
export async function runConversion(
  { library, jobs }: { library: ModelLibrary; jobs: JobRunner },
  input: ParsedInputOf<typeof convertRun>,
  report: (event: EventOf<typeof convertRun>) => void,
  signal: AbortSignal,
): Promise<void> {
  const start = performance.now()
  const { name, path } = await library.resolve(input.model)
  const { quantization, bitsPerWeight } = await library.get(path)
  const spec = {
    kind: 'convert' as const,
    title: name,
    parameters: { ...input, model: path },
    unit: 'bytes' as const,
    total: null,
  }
  const { result } = await awaitJob(
    jobs,
    spec,
    async (handle, stop) => {
      const file = await openModelFile(path)
      try {
        const done = await convertModel(file, input.path, {
          type: input.type ?? undefined,
          shardBytes: input.shardBytes ?? undefined,
          signal: stop,
          onProgress: (doneBytes, totalBytes) => {
            handle.progress(doneBytes, totalBytes)
            report({ kind: 'progress', jobId: handle.id, doneBytes, totalBytes })
          },
        })
        const weights = Object.values(done.types).reduce((sum, count) => sum + count, 0)
        return {
          ...done,
          bitsPerWeight: (8 * done.sizeBytes) / weights,
          source: { path, quantization, quantized: isQuantized(bitsPerWeight) },
          elapsedMs: performance.now() - start,
        }
      } finally {
        await file.close()
      }
    },
    signal,
  )
  report({ kind: 'finished', conversion: conversion.parse(result) })
}
