/** Wrong usage, help, and failures before any model is touched. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { built, moru, temporaryProfile } from './moru'

const { profile, remove } = temporaryProfile()
beforeAll(built, 300_000)
afterAll(remove)

describe('wrong usage is one line and a hint, and exit code 2', () => {
  const wrong: [string[], RegExp][] = [
    [['nosuch'], /nosuch is not a command/],
    [['chat'], /--prompt is missing/],
    [['chat', '--prompt'], /--prompt/],
    [['chat', '--prompt', '--json'], /--prompt/],
    [['chat', '--prompt='], /--prompt has no value/],
    [['chat', '--prompt', 'hi', 'more'], /more: nothing is expected here/],
    [['chat', '--promp', 'hi'], /Unknown option '--promp'\.$/m],
    [['chat', '--prompt', 'hi', '--max-tokens', '0'], /--max-tokens/],
    [['chat', '--prompt', 'hi', '--max-tokens', 'many'], /--max-tokens many: not a number/],
    [['chat', '--prompt', 'hi', '--temperature=-1'], /--temperature/],
    [['chat', '--prompt', 'hi', '--top-p', '2'], /--top-p/],
    [['chat', '--prompt', 'hi', '--seed', ''], /--seed/],
    [['chat', '--prompt', 'hi', '--context', '1'], /--context/],
    [['chat', '--prompt', 'hi', '--kv-type', 'f64'], /--kv-type f64/],
    [['chat', '--prompt', 'hi', '--thinking', 'maybe'], /--thinking maybe/],
    [['chat', '--prompt', 'hi', '--model', ''], /--model has no value/],
    [['chat', '--prompt', 'hi', '--profile='], /--profile has no value/],
    [['chat', '--prompt', '-'], /standard input is empty/],
    [['generate'], /either --prompt or --ids/],
    [['generate', '--prompt', 'a', '--ids', '1'], /either --prompt or --ids/],
    [['generate', '--ids', '1,x'], /"x" is not a token id/],
    [['tokenize'], /TEXT is missing/],
    [['perplexity'], /--text is missing/],
    [['perplexity', '--text', 'a.txt', '--window', '1'], /--window/],
    [['models'], /list, import, inspect, remove/],
    [['models', 'paint'], /models paint/],
    [['models', 'import'], /PATH is missing/],
    [['models', 'inspect'], /MODEL is missing/],
    [['models', 'remove', 'a', 'b'], /b: nothing is expected here/],
    [['doctor', 'please'], /please: nothing is expected here/],
    [['bench', 'speed'], /speed is nothing that is measured/],
    [['bench', '--repetitions', '0'], /--repetitions/],
    [['quantize', 'm', '--budget', 'huge', '--method', 'rtn'], /--budget huge: a size such as 500M or 2G/],
    [['quantize', 'm', '--budget', '1G', '--method', 'nf4'], /--method nf4: rtn, hqq/],
    [['quantize', 'm', '--budget', '1G', '--method', 'rtn', '--bits', '3,x'], /--bits 3,x: whole numbers with commas/],
    [['quantize', 'm', '--budget', '1G', '--method', 'rtn', '--bits', '9'], /--bits/],
    [['quantize', 'm', '--budget', '1G', '--method', 'rtn', '--symmetric'], /--symmetric does not go with --budget/],
  ]
  it.each(wrong)('%j', async (args, message) => {
    const { code, out, err } = await moru(args, { env: { XDG_DATA_HOME: join(profile, 'data') } })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
    expect(err.trimEnd().split('\n')).toHaveLength(2)
    expect(err).toMatch(/moru (help|\w+ --help) shows what it takes/)
  })

  it('takes common options before the command as well', async () => {
    const { code, out } = await moru(['--json', '--profile', join(profile, 'before'), 'models', 'list'])
    expect(code).toBe(0)
    expect(Array.isArray(JSON.parse(out))).toBe(true)
    expect((await moru(['--profile'])).code).toBe(2)
    expect((await moru(['--json', 'nothing'])).err).toMatch(/nothing is not a command/)
  })

  it('makes no profile', () => {
    expect(existsSync(join(profile, 'data'))).toBe(false)
  })

  it('no command at all: the help, on standard error', async () => {
    const { code, out, err } = await moru([])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('Usage: moru COMMAND')
  })
})

describe('help', () => {
  it.each([[['help']], [['--help']], [['-h']]])('%j lists the commands', async (args) => {
    const { code, out, err } = await moru(args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    for (const name of ['doctor', 'models', 'chat', 'generate', 'tokenize', 'perplexity', 'bench'])
      expect(out).toContain(`\n  ${name} `)
  })

  it.each([[['chat', '--help']], [['help', 'chat']], [['chat', '--prompt', 'hi', '-h']]])('%j', async (args) => {
    const { code, out } = await moru(args)
    expect(code).toBe(0)
    expect(out).toContain('Usage: moru chat --prompt TEXT')
  })

  it('--version is that of the package', async () => {
    const { code, out } = await moru(['--version'])
    expect(code).toBe(0)
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('failures are a message of a few lines, and exit code 1', () => {
  const notAModel = join(profile, 'letter.gguf')
  const broken = join(profile, 'broken.gguf')
  beforeAll(() => {
    writeFileSync(notAModel, 'Dear Anna, this is no model.')
    writeFileSync(broken, Buffer.concat([Buffer.from('GGUF'), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16, 0x7f)]))
  })
  const failures: [string, () => string[], RegExp][] = [
    ['a model that is not there', () => ['chat', '--prompt', 'hi', '--model', 'nosuch'], /nosuch/],
    ['a path that is not there', () => ['chat', '--prompt', 'hi', '--model', './no/such.gguf'], /no file or folder/],
    ['a letter', () => ['chat', '--prompt', 'hi', '--model', notAModel], /letter\.gguf/],
    ['a letter to tokenize with', () => ['tokenize', 'hi', '--model', notAModel], /letter\.gguf/],
    ['a broken file', () => ['models', 'import', broken], /broken\.gguf/],
    ['a broken file to look at', () => ['models', 'inspect', broken], /broken\.gguf/],
    ['a model to remove that is not there', () => ['models', 'remove', 'nosuch'], /nosuch/],
    ['a bundled model to remove', () => ['models', 'remove', 'smollm2-135m-instruct.q4_1'], /cannot be removed/],
    ['a text that is not there', () => ['perplexity', '--text', join(profile, 'none.txt')], /There is no file/],
    ['a folder as text', () => ['perplexity', '--text', profile], /not a file/],
  ]
  it.each(failures)('%s', async (_, args, message) => {
    const { code, out, err } = await moru([...args(), '--profile', profile, '--json'])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(message)
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(4)
    expect(err).not.toMatch(/^ +at /m)
  })

  it('a profile that cannot be one', async () => {
    const { code, out, err } = await moru(['models', 'list', '--profile', notAModel])
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^moru: The profile cannot be kept in .*letter\.gguf/)
  })

  it('standard input that is not UTF-8', async () => {
    const { code, err } = await moru(['chat', '--prompt', '-', '--profile', profile], {
      input: Buffer.from([0xb0, 0xa1]),
    })
    expect(code).toBe(1)
    expect(err).toBe('moru: Standard input is not UTF-8 text.')
  })
})
