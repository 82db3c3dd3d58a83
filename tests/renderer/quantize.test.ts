import { expect, test } from 'vitest'
import { comparedTexts, resultRows } from '../../src/renderer/views/quantize/result-rows'
import { recipeName } from '../../src/renderer/views/quantize/methods'
import { aRun, anEmbeddingRun } from './host/quantize-handlers'
import { aModel } from './host/samples'
import { labelled, open, press, text, type } from './page'

const runs = () => [
  aRun('r1', { method: 'gptq' }, 88e6, 0.17),
  aRun('r2', { method: 'awq' }, 88e6, 0.13),
  aRun('r3', { method: 'rtn', bits: 3 }, 70e6, 0.9),
  aRun('r4', { method: 'nf4', double: true }, 90e6, 0.23),
  aRun('r5', { method: 'hqq' }, 89e6, null),
]

test('a recipe shows what it would come to, and why it cannot', async () => {
  const window = await open('/quantize')
  await expect.poll(() => window.wrapper.get('table').text()).toContain('4.31')
  expect(text()).toContain('The source is quantized already (Q4_1, 5.83 bits per weight)')
  const group = window.wrapper.get<HTMLSelectElement>('select[aria-label="Group"]')
  await group.setValue(128)
  await expect.poll(() => text()).toContain('32, 64, 96, 192, 288 and 576 do')
  expect(labelled('Quantize with 1 recipe')?.hasAttribute('disabled')).toBe(true)
  await window.wrapper.get<HTMLSelectElement>('select[aria-label="Method"]').setValue('q4_k')
  await expect.poll(() => text()).toContain('210 matrices get another type')
  expect(text()).toContain('q4_k becomes q5_0')
  await press('Options of Q4_K')
  await expect.poll(() => text()).toContain('attn_q')
})

test('two recipes are run, followed layer by layer, and stand among the results', async () => {
  const window = await open('/quantize')
  await press('Add recipe')
  await expect.poll(() => labelled('Quantize with 2 recipes')?.hasAttribute('disabled')).toBe(false)
  await press('Quantize with 2 recipes')
  await expect.poll(() => window.world.quantizations.length).toBe(2)
  expect(window.host.asked.filter((a) => a.route === 'quantize.start').map((a) => (a.input as { recipe: { method: string } }).recipe.method)).toEqual(['gptq', 'rtn']) // prettier-ignore
  await expect.poll(() => text()).toContain('output error')
  await expect.poll(() => window.world.quantizations.every((run) => run.available)).toBe(true)
  await window.router.push('/quantize/results')
  await expect.poll(() => window.wrapper.findAll('tbody tr').length).toBe(2)
  expect(text()).toContain('not compared on this text')
  await press('Compare GPTQ 4 bits g64 with the original')
  await type('[role="dialog"] input', '/data/wikitext-2/test.txt')
  await press('Compare')
  await expect.poll(() => text()).toContain('0.2 ± 0.01')
})

test('conversations calibrate only after an explicit yes', async () => {
  const window = await open('/quantize')
  await expect.poll(() => labelled('Quantize with 1 recipe')?.hasAttribute('disabled')).toBe(false)
  const source = window.wrapper.findAll<HTMLSelectElement>('select').find((s) => s.text().includes('My own conversations')) // prettier-ignore
  await source!.setValue('conversations')
  await expect.poll(() => labelled('Quantize with 1 recipe')?.hasAttribute('disabled')).toBe(true)
  document.querySelector<HTMLElement>('button[role="switch"][aria-label^="Use my conversations"]')?.click()
  await expect.poll(() => labelled('Quantize with 1 recipe')?.hasAttribute('disabled')).toBe(false)
})

test('the importance matrix of the calibration text is saved where asked', async () => {
  const window = await open('/quantize')
  await press('Save importance matrix…')
  await expect.poll(() => labelled('Measure and save')?.hasAttribute('disabled')).toBe(true)
  await type('[role="dialog"] input', '/models/imatrix.gguf')
  await press('Measure and save')
  await expect.poll(() => text()).toContain('/models/imatrix.gguf: 210 matrices, 4,096 tokens')
  expect(window.host.asked.at(-1)?.input).toMatchObject({ path: '/models/imatrix.gguf', calibration: { windows: 16 } })
})

test('results tell which are best for their size, and draw it', async () => {
  const window = await open('/quantize/results', { quantizations: runs() })
  await expect.poll(() => window.wrapper.findAll('tbody tr').length).toBe(5)
  const rows = window.wrapper.findAll('tbody tr').map((row) => row.text())
  expect(rows.filter((row) => row.includes('best for its size')).map((row) => row.slice(0, 3))).toEqual(['RTN', 'AWQ'])
  await expect.poll(() => window.wrapper.find('figure canvas').exists()).toBe(true)
  expect(text()).toContain('Nothing smaller is closer to the original than RTN 3 bits g64, AWQ 4 bits g64.')
})

test('a matrix is looked into, from the heat map to single weights', async () => {
  const window = await open('/quantize/matrices?run=r2', { quantizations: runs() })
  await expect.poll(() => window.wrapper.findAll('figure canvas').length).toBeGreaterThan(6)
  expect(window.wrapper.get('h2').text()).toMatch(/ffn_down/)
  expect(text()).toContain('Each pixel is the mean of 24 × 24 weights')
  await press('Zoom into the middle')
  await expect.poll(() => text()).toContain('Each pixel is one weight.')
  expect(window.host.asked.at(-1)?.input).toMatchObject({ part: { row: 144, col: 144, rows: 288, cols: 288 } })
  await press('Show the whole matrix')
  await expect.poll(() => text()).toContain('Each pixel is the mean')
})

test('activations, and two answers side by side', async () => {
  const window = await open('/quantize/activations', { quantizations: runs() })
  await expect.poll(() => labelled('Measure')?.hasAttribute('disabled')).toBe(false)
  await press('Measure')
  await expect.poll(() => text()).toContain('16 of 16 inputs have channels beyond')
  await window.router.push('/quantize/prompts')
  await window.wrapper.get('textarea').setValue('The capital of France?')
  const [first, second] = window.wrapper.findAll<HTMLSelectElement>('form select')
  await first.setValue('smollm2-135m-instruct')
  await second.setValue('smollm2-135m-instruct')
  await press('Compare')
  await expect.poll(() => text()).toContain('The answers part at token 3.')
  expect(window.wrapper.findAll('mark').map((mark) => mark.text())).toEqual(['big', 'old'])
})

const minilm = () =>
  aModel({ id: 'all-minilm-l6-v2', name: 'all-MiniLM-L6-v2', chat: false, encoder: true, architecture: 'bert' })

test('an embedding model is quantized and compared as embeddings are', async () => {
  const window = await open('/quantize?model=all-minilm-l6-v2', { models: [aModel(), minilm()] })
  await expect.poll(() => labelled('Quantize with 1 recipe')?.hasAttribute('disabled')).toBe(false)
  await press('Options of GPTQ 4 bits g64')
  expect(text()).toContain('Damping')
  expect(text()).not.toContain('KV cache')
  const field = (label: string) =>
    [...document.querySelectorAll('label')].find((l) => l.textContent?.includes(label))!.control as HTMLInputElement
  await type(field('Set for retrieval'), '/data/set')
  await press('Quantize with 1 recipe')
  await expect.poll(() => window.world.quantizations.length).toBe(1)
  expect(window.host.asked.find((a) => a.route === 'quantize.start')?.input).toMatchObject({
    model: 'all-minilm-l6-v2',
    evaluate: null,
    evaluateEmbeddings: { path: null, set: '/data/set', passages: 512 },
  })
})

test('results of embedding models show cosine and retrieval, and lead to a collection that searches with them', async () => {
  const quantizations = [
    ...runs(),
    anEmbeddingRun('e1', { method: 'gptq' }, 30e6, 0.9724),
    anEmbeddingRun('e2', { method: 'q8_0' }, 35e6, null),
  ]
  const model = aModel({ id: 'model-e1', name: 'minilm-gptq', encoder: true, chat: false })
  const window = await open('/quantize/results', { quantizations, models: [aModel(), minilm(), model] })
  await expect.poll(() => window.wrapper.findAll('section').length).toBe(2)
  const [written, embedded] = window.wrapper.findAll('section')
  expect(written.findAll('tbody tr')).toHaveLength(5)
  expect(written.text()).not.toContain('nDCG')
  expect(embedded.text()).toContain('0.9724')
  expect(embedded.text()).toContain('0.313 → 0.3095')
  expect(embedded.text()).not.toContain('Perplexity')
  await press('Compare Q8_0 with the original')
  await expect.poll(() => text()).toContain('Set for retrieval')
  await press('Compare')
  await expect.poll(() => text()).toContain('Same 10 nearest passages')
  const asked = window.host.asked.find((a) => a.route === 'compare.embeddings')?.input
  expect(asked).toMatchObject({ path: '/data/wikitext-2/test.txt', set: '/data/set', passages: 512 })
  await press('Close')
  await press('Make a collection that searches with GPTQ 4 bits g64')
  await expect.poll(() => document.querySelector<HTMLSelectElement>('[role="dialog"] select')?.value).toBe('model-e1')
})

test('names and fronts', () => {
  const words = { bits: 'bits', row: 'per row', tensor: 'per matrix' }
  expect(recipeName({ method: 'absmax', group: 0 }, words)).toBe('absmax int8 per row')
  expect(recipeName({ method: 'gptq', bits: 3, symmetric: true, kv: 'int8' }, words)).toBe(
    'GPTQ 3 bits g64 sym KV int8',
  )
  const all = runs()
  const [shared] = comparedTexts(all)
  expect(shared).toMatchObject({ runs: 4, windows: 4 })
  expect(resultRows(all, shared.key, (run) => run.jobId).flatMap((row) => (row.best ? [row.name] : []))).toEqual(['r2', 'r3']) // prettier-ignore
})

test('a recipe is found for a size, and joins the others', async () => {
  const window = await open('/quantize')
  const section = () => window.wrapper.get('section[aria-labelledby="fit-title"]')
  await expect.poll(() => section().find('button').attributes('disabled')).toBe(undefined)
  await section().get('input[type="number"]').setValue('80')
  await press('Find recipe')
  await expect.poll(() => section().text()).toContain('80 MB are too few')
  await section().get('input[type="number"]').setValue('100.5')
  await press('Find recipe')
  await expect.poll(() => section().text()).toContain('4.21 bits a weight; KL divergence about 0.087')
  expect(window.host.asked.findLast((a) => a.route === 'quantize.fit')?.input).toMatchObject({
    budgetBytes: 100_500_000,
    methods: ['awq-gptq'],
  })
  const shares = section().findAll('li').map((li) => li.text()) // prettier-ignore
  expect(shares.map((share) => share.slice(0, 21))).toEqual([3, 4, 5].map((bits) => `AWQ + GPTQ ${bits} bits g64`))
  const counts = shares.map((share) => Number(/(\d+) matri/.exec(share)![1]))
  expect(counts.reduce((a, b) => a + b)).toBe(210)
  await expect.poll(() => section().find('figure canvas').exists()).toBe(true)
  expect(section().text()).toMatch(/The most sensitive is blk\.\d+\.ffn_down\.weight/)
  await press('Add to the recipes')
  await expect
    .poll(() => window.wrapper.get('table').text())
    .toContain(`${counts[0] + counts[2]} matrices have choices of their own`)
})
