// What each recipe costs: node bench/run.mjs quantization --text FILE --calibration FILE [--model MODEL] [--work DIR] [--only NAME,NAME]
//
// Quantizes by `moru quantize` and measures by `moru compare`, so that the figures are those that anybody gets. Calibration: the first 16 windows of 256
// tokens of its text; evaluation: windows 0 to 3 of 1,024 tokens of the other. What is done lies in DIR: a run that is ended goes on there.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

interface Recipe {
  name: string
  options: string[]
  /** Bounds; null: reported. */
  perplexity: number | null
  kld: number | null
}

const recipes: Recipe[] = [
  { name: 'absmax-row', options: ['--method', 'absmax', '--group', '0'], perplexity: 21.35, kld: 0.004 },
  { name: 'llm-int8', options: ['--method', 'int8'], perplexity: 21.6, kld: 0.02 },
  { name: 'nf4', options: ['--method', 'nf4'], perplexity: 25.5, kld: 0.24 },
  { name: 'nf4-double', options: ['--method', 'nf4', '--double'], perplexity: 25.5, kld: 0.24 },
  { name: 'rtn-4', options: ['--method', 'rtn'], perplexity: 26.4, kld: 0.3 },
  { name: 'gptq-4', options: ['--method', 'gptq'], perplexity: 26.2, kld: 0.185 },
  { name: 'awq-4', options: ['--method', 'awq'], perplexity: 25.9, kld: 0.145 },
  { name: 'gptq-3', options: ['--method', 'gptq', '--bits', '3'], perplexity: 56, kld: 0.89 },
  { name: 'awq-3', options: ['--method', 'awq', '--bits', '3'], perplexity: 46, kld: 0.75 },
  { name: 'awq-gptq-4', options: ['--method', 'awq-gptq'], perplexity: null, kld: 0.125 },
]

const { values } = parseArgs({
  options: {
    text: { type: 'string' },
    calibration: { type: 'string' },
    model: { type: 'string', default: 'resources/models/smollm2-135m-instruct' },
    work: { type: 'string', default: 'node_modules/.cache/moru-bench/quantization-models' },
    only: { type: 'string' },
  },
})
if (!values.text || !values.calibration) {
  console.error('--text FILE and --calibration FILE are needed: what is measured on, and what is calibrated on.')
  process.exit(2)
}
const work = resolve(values.work)
mkdirSync(work, { recursive: true })

/** The JSON of a command; progress goes to standard error. */
function moru(args: string[]): Promise<unknown> {
  return new Promise((done, fail) => {
    const all = ['scripts/launch.mjs', 'moru', ...args, '--json', '--profile', join(work, 'profile')]
    const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
    child.on('exit', (code) =>
      code === 0 ? done(JSON.parse(out)) : fail(new Error(`moru ${args[0]} ended with ${code}`)),
    )
  })
}

interface Quantized {
  sizeBytes: number
  bitsPerWeight: number
  elapsedMs: number
  layers: { relativeError: number }[]
}
interface Compared {
  perplexity: [number, number]
  kld: number
  kldError: number
  sameTop1: number
}

async function measure({ name, options }: Recipe): Promise<{ made: Quantized; found: Compared }> {
  const done = join(work, `${name}.json`)
  if (existsSync(done)) return JSON.parse(readFileSync(done, 'utf8')) as { made: Quantized; found: Compared }
  const out = join(work, name)
  const figures = `${out}.made.json`
  if (!existsSync(out)) {
    const made = await moru(['quantize', values.model, ...options, '--calibration', values.calibration!, '--out', out])
    writeFileSync(figures, JSON.stringify(made))
  }
  const made = JSON.parse(readFileSync(figures, 'utf8')) as Quantized
  const found = (await moru(['compare', values.model, out, '--text', values.text!])) as Compared
  writeFileSync(done, JSON.stringify({ made, found }))
  return { made, found }
}

const only = values.only?.split(',')
console.log(
  '| recipe | bits a weight | perplexity (at most) | KL divergence (at most) | same top 1 | mean output error | seconds |',
)
console.log('|---|---|---|---|---|---|---|')
for (const recipe of recipes.filter(({ name }) => !only || only.includes(name))) {
  const { made, found } = await measure(recipe)
  const bound = (most: number | null) => (most === null ? '' : ` (${most})`)
  const error = made.layers.reduce((sum, l) => sum + l.relativeError, 0) / made.layers.length
  console.log(
    `| ${recipe.name} | ${made.bitsPerWeight.toFixed(3)} | ${found.perplexity[1].toFixed(2)}${bound(recipe.perplexity)} | ` +
      `${found.kld.toFixed(4)} +- ${found.kldError.toFixed(4)}${bound(recipe.kld)} | ${(100 * found.sameTop1).toFixed(1)} % | ` +
      `${error.toFixed(4)} | ${(made.elapsedMs / 1000).toFixed(0)} |`,
  )
}
