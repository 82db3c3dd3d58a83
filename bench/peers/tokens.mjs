// Whether llama.cpp and Moru continue alike: node tokens.mjs MODEL.gguf ... [--max-tokens 48] [--margin 0.1]
//
// Moru continues each prompt greedily. llama.cpp then reads the same tokens and says at each of them which it holds likeliest: where its
// best two logits are at least `margin` apart, that must be Moru's token. Quantized weights llama.cpp multiplies with activations that
// it rounds to 8 bits; what differs is therefore asked again with the weights dequantized to f32, where it rounds nothing.
// Exit code 1 where a token differs then too.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { withLlamaCpp } from './llama-cpp.mjs'
import { moru } from './moru.mjs'

const prompts = [
  '<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n',
  'Once upon a time, in a village by the sea,',
  'def fibonacci(n):\n',
  'The three laws of thermodynamics are',
  '1, 2, 4, 8, 16,',
]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'max-tokens': { type: 'string', default: '48' }, margin: { type: 'string', default: '0.1' } },
})
if (positionals.length === 0) {
  console.error('Usage: node tokens.mjs MODEL.gguf ... [--max-tokens 48] [--margin 0.1]')
  process.exit(2)
}
const margin = Number(values.margin)
let failed = false
for (const path of positionals.map((name) => resolve(name))) {
  const answers = []
  for (const prompt of prompts) {
    const { ids } = await moru('tokenize', prompt, '--model', path)
    const sampling = ['--temperature', '0', '--max-tokens', values['max-tokens']]
    const { tokenIds } = await moru('generate', '--model', path, '--ids', ids.join(), ...sampling)
    answers.push({ prompt, ids, tokenIds })
  }
  const found = await judgeAll(path, answers)
  const clear = found.filter((one) => one.margin >= margin)
  const wrong = clear.filter((one) => !one.same)
  const alike = found.filter((one) => one.same).length
  console.log(
    `${path}: ${clear.length - wrong.length} of ${clear.length} clear tokens alike, ${alike} of ${found.length} in all`,
  )
  const exact = wrong.length > 0 ? await judgeDequantized(path, answers) : found
  for (const one of wrong) {
    const { prompt, at } = one
    const again = exact[found.indexOf(one)]
    const remains = !again.same && again.margin >= margin
    failed ||= remains
    const verdict = again.same ? 'the same' : 'another'
    console.log(
      `  ${JSON.stringify(prompt)}: token ${at}, margin ${one.margin.toFixed(3)}; with weights in f32 ${verdict}, margin ${again.margin.toFixed(3)}`,
    )
  }
  const otherIds = answers.filter(({ sameIds }) => !sameIds)
  for (const { prompt } of otherIds) console.log(`  ${JSON.stringify(prompt)}: tokenized differently`)
  failed ||= otherIds.length > 0
}
process.exit(failed ? 1 : 0)

function judgeAll(path, answers) {
  return withLlamaCpp(path, 1024, async (sequence, model) => {
    const all = []
    for (const answer of answers) all.push(...(await judge(sequence, model, answer)))
    return all
  })
}

/** The same with every weight as the f32 that its block stands for. */
async function judgeDequantized(path, answers) {
  const folder = await mkdtemp(join(tmpdir(), 'moru-peers-f32-'))
  try {
    const plain = join(folder, 'f32.gguf')
    await moru('convert', path, '--type', 'f32', '--out', plain)
    return await judgeAll(plain, answers)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** For each token that Moru wrote: whether llama.cpp would have, and how clearly it prefers its own. */
async function judge(sequence, model, answer) {
  const { prompt, ids, tokenIds } = answer
  answer.sameIds = model.tokenize(prompt, true).join() === ids.join()
  await sequence.clearHistory()
  const asked = { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } }
  const input = [...ids, ...tokenIds.slice(0, -1)].map((id, i) => (i < ids.length - 1 ? id : [id, asked]))
  const results = (await sequence.controlledEvaluate(input)).slice(ids.length - 1)
  return tokenIds.map((id, at) => {
    const [[best, p], [, second]] = results[at].next.probabilities.entries()
    return { prompt, at, same: best === id, margin: Math.log(p / second) }
  })
}
