import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { contract } from '../../../src/shared/contract'
import { adapterNotes } from '../../../src/main/host/doctor'
import { byRoute } from '../../../src/main/host/handlers'
import { handlersWith } from './handlers'
import { composed } from './composed'
import { temporaryDirectory } from './running'

it('has a route name for every endpoint, each once', () => {
  expect(byRoute(handlersWith({})).size).toBe(Object.keys(contract).length)
})

describe('in process', () => {
  it('answers with the same checks and the same errors as over a connection', async () => {
    const { client } = await composed(temporaryDirectory())
    const bundled = await client.request(contract.modelsList, {})
    expect(bundled.map(({ source, chat }) => [source, chat])).toEqual([
      ['bundled', false],
      ['bundled', true],
    ])
    await expect(client.request(contract.modelsImport, { path: '' })).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(client.request(contract.chatTokens, { messageId: 'none' })).rejects.toMatchObject({
      code: 'not_found',
    })
    const controller = new AbortController()
    const states: string[] = []
    for await (const status of client.stream(contract.engineFollow, {}, { signal: controller.signal })) {
      states.push(status.state)
      controller.abort()
    }
    expect(states).toEqual(['idle'])
    await client.close()
  })

  it('writes a text and stores it, and keeps it after a restart', async () => {
    const profile = temporaryDirectory()
    const first = await composed(profile)
    const { id } = await first.client.request(contract.conversationsCreate, { title: '대화' })
    await first.client.close()
    const second = await composed(profile)
    expect(await second.client.request(contract.conversationsGet, { id })).toMatchObject({
      conversation: { title: '대화' },
    })
  })
})

describe('backup and restore', () => {
  it('bring the profile back as it was, and ask for a restart', async () => {
    const profile = temporaryDirectory()
    const backup = join(profile, '백업.moru-backup')
    const { client, restarts } = await composed(profile)
    const { id } = await client.request(contract.conversationsCreate, { title: 'kept' })
    expect(await client.request(contract.profileBackup, { path: backup })).toMatchObject({ path: backup })
    await client.request(contract.conversationsCreate, { title: 'after the backup' })
    expect(await client.request(contract.profileRestore, { path: backup })).toEqual({})
    await expect.poll(restarts).toBe(1)
    const again = await composed(profile)
    const list = await again.client.request(contract.conversationsList, {})
    expect(list.map((conversation) => conversation.id)).toEqual([id])
  })

  it('change nothing for a file that is no backup, or a path that is none', async () => {
    const profile = temporaryDirectory()
    const other = join(profile, 'other.moru-backup')
    writeFileSync(other, 'not a database')
    const { client, restarts } = await composed(profile)
    const restore = (path: string) => client.request(contract.profileRestore, { path })
    await expect(restore(other)).rejects.toMatchObject({ code: 'invalid_file' })
    await expect(restore(join(profile, 'none'))).rejects.toMatchObject({ code: 'not_found' })
    await expect(restore('relative.moru-backup')).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(client.request(contract.profileBackup, { path: other })).rejects.toMatchObject({ code: 'conflict' })
    expect(await client.request(contract.conversationsList, {})).toEqual([])
    expect(restarts()).toBe(0)
  })
})

describe('doctor', () => {
  it('reports this machine’s adapter', async () => {
    const { client } = await composed(temporaryDirectory())
    const report = await client.request(contract.engineDoctor, {})
    expect(contract.engineDoctor.output.parse(report)).toEqual(report)
    expect(report.adapter).toBeTruthy()
    expect(report.versions).toMatchObject({ moru: '0.1.0', webgpu: expect.stringMatching(/^\d/) })
  })

  it('says what each lack costs, and nothing where nothing lacks', () => {
    const large = { maxStorageBufferBindingSize: 2 ** 31 }
    const features = ['shader-f16', 'subgroups', 'timestamp-query']
    expect(adapterNotes({ software: false, features, limits: large })).toEqual([])
    const notes = adapterNotes({ software: true, features: [], limits: { maxStorageBufferBindingSize: 2 ** 27 } })
    expect(notes).toHaveLength(5)
    expect(notes.join()).toContain('128 MiB')
  })
})
