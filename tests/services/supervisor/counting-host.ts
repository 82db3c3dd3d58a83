/** A host process of the product's own making, whose services count and can be told to misbehave. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MoruError } from '../../../src/shared/errors'
import { runHostProcess } from '../../../src/main/host/process'
import { handlersWith } from '../host/handlers'

await runHostProcess(async (profile, { restart }) => {
  if (existsSync(join(profile, 'crash-at-start'))) process.kill(process.pid, 'SIGSEGV')
  if (existsSync(join(profile, 'refuse'))) throw new MoruError('io', 'The database is on fire.')
  const handlers = handlersWith({
    engineFollow: async function* () {
      for (let i = 0; ; i++) {
        yield {
          adapter: null,
          software: true,
          state: 'idle',
          memoryBytes: process.pid,
          tokensPerSecond: i,
          model: null,
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    modelsUnload: async () => {
      console.error(`token in the environment: ${JSON.stringify(process.env.MORU_HOST_TOKEN ?? null)}`)
      return {}
    },
    profileRestore: async () => {
      setTimeout(restart, 10)
      return {}
    },
    // Neither answers nor lets anything else be answered.
    chatStop: () => {
      for (;;);
    },
  })
  return { handlers, close: async () => writeFileSync(join(profile, 'closed'), '') }
}, '')
