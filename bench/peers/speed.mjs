// How fast llama.cpp reads and writes on this processor: node speed.mjs MODEL.gguf [--repetitions 5]
// The same work as `moru bench decode prefill`: a prompt of 512 tokens, and tokens one by one after 512. Medians.
import { parseArgs } from 'node:util'
import { withLlamaCpp } from './llama-cpp.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { repetitions: { type: 'string', default: '5' } },
})
if (positionals.length !== 1) {
  console.error('Usage: node speed.mjs MODEL.gguf [--repetitions 5]')
  process.exit(2)
}
const promptTokens = 512
const writtenTokens = 64
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]

const rates = await withLlamaCpp(positionals[0], 1024, async (sequence, model) => {
  const ids = model
    .tokenize('The quick brown fox jumps over the lazy dog and runs away. '.repeat(60))
    .slice(0, promptTokens)
  const prefill = []
  const decode = []
  for (let round = 0; round <= Number(values.repetitions); round++) {
    await sequence.clearHistory()
    const start = performance.now()
    await sequence.evaluateWithoutGeneratingNewTokens(ids)
    const read = performance.now()
    // Forced tokens: what is written does not matter, and none ends the answer.
    for (let i = 0; i < writtenTokens; i++)
      await sequence.controlledEvaluate([[ids[i], { generateNext: { token: true, options: { temperature: 0 } } }]])
    const written = performance.now()
    // The first round warms up.
    if (round === 0) continue
    prefill.push((1000 * promptTokens) / (read - start))
    decode.push((1000 * writtenTokens) / (written - read))
  }
  return { prefill_512: median(prefill), decode: median(decode) }
})
console.log(JSON.stringify(rates))
