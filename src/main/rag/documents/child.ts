/** The process that parses: hostile files meet it, not the host. One document at a time, in the order of the requests. */
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { toMoruError } from '../../../shared/errors'
import { graceMs, memoryVariable, type ParseReply, type ParseRequest } from './child-messages'
import { startMemoryWatch, watchMemory } from './memory-watch'

if (isMainThread) serve()
else watchMemory()

function serve(): void {
  const endAt = startMemoryWatch(fileURLToPath(import.meta.url), Number(process.env[memoryVariable]))
  const parsing = import('./parse')
  const answer = async ({ id, file, limits }: ParseRequest): Promise<ParseReply> => {
    try {
      const document = await (await parsing).parseFile(file, limits)
      return { id, ok: true, document, rssBytes: process.memoryUsage.rss() }
    } catch (error) {
      return { id, ok: false, error: toMoruError(error).toShape(), rssBytes: process.memoryUsage.rss() }
    }
  }
  process.on('disconnect', () => process.exit(0))
  process.on('message', async (request: ParseRequest) => {
    endAt(Date.now() + request.limits.timeMs + graceMs)
    const reply = await answer(request)
    endAt(null)
    process.send!(reply)
  })
}
