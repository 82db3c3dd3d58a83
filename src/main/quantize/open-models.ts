/** Models opened for a piece of work and let go after it: their files, and an engine beside the one that chats. */
import { Engine, type LoadedModel, openModelFile, type OpenModel, readModelConfig } from '../engine'

/** Of the original and of what is compared with it. */
export type Pair<T> = [T, T]

/** Throws what opening throws. */
export async function withModel<T>(path: string, work: (model: OpenModel) => Promise<T>): Promise<T> {
  const file = await openModelFile(path)
  try {
    return await work({ file, config: await readModelConfig(file) })
  } finally {
    await file.close()
  }
}

export async function withEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = new Engine()
  try {
    return await work(engine)
  } finally {
    await engine.close()
  }
}

/** Both on one device. `onLoad` hears which one is next. Throws what loading throws. */
export async function loadPair(
  engine: Engine,
  [first, second]: readonly [string, string],
  options: Parameters<Engine['load']>[1],
  onLoad: (index: 0 | 1) => void,
): Promise<readonly [LoadedModel, LoadedModel]> {
  onLoad(0)
  const a = await engine.load(first, options)
  onLoad(1)
  return [a, await engine.load(second, options)]
}
