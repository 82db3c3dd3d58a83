import { flushPromises } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { withShards } from '../../src/renderer/views/models/shards'
import { aModel } from './host/samples'
import { labelled, open, press, text, type } from './page'

test('the library shows what matters of each model and sorts by any of it', async () => {
  const small = aModel()
  const big = aModel({
    id: 'big',
    name: 'A big one',
    sizeBytes: 9e9,
    available: false,
    chat: false,
    source: 'imported',
  })
  const window = await open('/models', { models: [small, big] })
  const rows = () => window.wrapper.findAll('tbody tr').map((row) => row.text())
  await expect.poll(() => rows().length).toBe(2)
  expect(rows()[0]).toContain('A big one')
  expect(rows()[0]).toContain('File missing or changed')
  expect(rows()[0]).toContain('9 GB')
  expect(rows()[1]).toContain('Q8_0 8.5 bits/weight')
  await press('Size')
  expect(rows()[0]).toContain('SmolLM2')
  await press('Size')
  expect(rows()[0]).toContain('A big one')
  expect(window.wrapper.findAll('th').map((th) => th.attributes('aria-sort'))).toContain('descending')
})

test('a path that is no model is refused with the reason, and stays to be corrected', async () => {
  const window = await open('/models')
  await press('Import model')
  await expect.poll(() => document.activeElement?.tagName).toBe('INPUT')
  await type('input[maxlength="4096"]', '/data/picture.png')
  await press('Import')
  await expect.poll(() => text()).toContain('/data/picture.png begins with 0x00000000')
  expect(text()).toContain('The file cannot be read')
  expect(document.querySelector<HTMLInputElement>('input[maxlength="4096"]')?.value).toBe('/data/picture.png')
  await type('input[maxlength="4096"]', '/data/qwen.gguf')
  await press('Import')
  await expect.poll(() => text()).toContain('Imported qwen.gguf.')
  await expect.poll(() => window.wrapper.get('table').text()).toContain('qwen.gguf')
})

test('a model that another program keeps is imported with one press', async () => {
  const window = await open('/models')
  await press('Import Qwen3 0.6B')
  await expect.poll(() => window.world.models.some((m) => m.path.includes('.lmstudio'))).toBe(true)
  await expect.poll(() => window.wrapper.get('table').text()).toContain('Qwen3-0.6B-Q4_K_M.gguf')
})

test('download: search, choose a file, follow the job, cancel it, resume it', async () => {
  const window = await open('/models')
  await press('Download model')
  await expect.poll(() => document.activeElement?.tagName).toBe('INPUT')
  await type('[role="dialog"] input[type="search"]', 'Qwen3')
  await press('Search')
  const hits = () => [...document.querySelectorAll<HTMLButtonElement>('[role="dialog"] li button')]
  await expect.poll(() => hits().length).toBe(2)
  expect(hits()[1].textContent).toContain('gated')
  hits()[0].click()
  await expect.poll(() => text()).toContain('Qwen3-0.6B-Q8_0.gguf')
  expect(text()).not.toContain('README.md')
  document.querySelector<HTMLInputElement>('[role="dialog"] input[type="checkbox"]')?.click()
  await flushPromises()
  expect(text()).toContain('1 file, 639 MB')
  await press('Download')
  await expect.poll(() => window.wrapper.get('section[aria-label="Jobs"]').text()).toContain('Qwen/Qwen3-GGUF')
  await window.wrapper.get('button[aria-controls="jobs-list"]').trigger('click')
  await expect.poll(() => text()).toContain('240 MB / 639 MB')
  expect(text()).toContain('12.4 MB/s')
  await press('Cancel Qwen/Qwen3-GGUF')
  await expect.poll(() => text()).toContain('Cancelled')
  await press('Resume Qwen/Qwen3-GGUF')
  await expect.poll(() => window.world.jobs[0].state).toBe('running')
})

test('a model’s page: figures, memory plan for the chosen context, tensors found by name', async () => {
  const window = await open('/models/smollm2-135m-instruct')
  await expect.poll(() => text()).toContain('9 heads, 3 for keys and values (GQA)')
  expect(text()).toContain('Tensors (270)')
  expect(window.wrapper.findAll('tbody tr').length).toBe(50)
  await window.wrapper.get('input[aria-label="Search tensors"]').setValue('blk.29. norm')
  expect(window.wrapper.findAll('tbody tr').length).toBe(2)
  const context = window.wrapper.get<HTMLInputElement>('input[placeholder="up to 8,192"]')
  await context.setValue('2048')
  await context.trigger('change')
  await expect.poll(() => text()).toContain('2,048 tokens are planned for')
  expect(window.world.settings.load['smollm2-135m-instruct']).toMatchObject({ contextLength: 2048 })
})

test('unload and load from the model’s page', async () => {
  const window = await open('/models/smollm2-135m-instruct')
  await press('Unload model')
  await expect.poll(() => window.world.status.model).toBeNull()
  await press('Load')
  await expect.poll(() => window.world.status.model?.id).toBe('smollm2-135m-instruct')
  await expect.poll(() => labelled('Unload model')).toBeTruthy()
})

test('removing asks first', async () => {
  const window = await open('/models/smollm2-135m-instruct')
  await press('Remove')
  await expect.poll(() => text()).toContain('Remove SmolLM2 135M Instruct?')
  expect(window.world.models.length).toBe(1)
  ;[...document.querySelectorAll<HTMLButtonElement>('[role="dialog"] footer button')].at(-1)?.click()
  await expect.poll(() => window.world.models.length).toBe(0)
  await expect.poll(() => window.router.currentRoute.value.path).toBe('/models')
  await expect.poll(() => text()).toContain('No models yet')
})

test('choosing one shard chooses them all', () => {
  const paths = [
    'a-00001-of-00003.gguf',
    'a-00002-of-00003.gguf',
    'a-00003-of-00003.gguf',
    'b-00001-of-00003.gguf',
    'c.gguf',
  ]
  expect(withShards(paths[1], paths)).toEqual(paths.slice(0, 3))
  expect(withShards('c.gguf', paths)).toEqual(['c.gguf'])
})
