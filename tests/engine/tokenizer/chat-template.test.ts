import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MoruError } from '../../../src/shared/errors'
import { chatTemplateFrom, chatUnsupported } from '../../../src/main/engine/tokenizer/chat-template'
import { tokenizerFromGguf } from '../../../src/main/engine/tokenizer/from-gguf'
import { loadTokenizerFromMetadata } from '../../../src/main/engine/tokenizer/load'
import { type ChatTemplate, type TemplateMessage } from '../../../src/main/engine/tokenizer/tokenizer'
import { golden, readMetadata } from './gguf-reader'
import { smollm2 } from './smollm2'

interface Row {
  messages: TemplateMessage[]
  prompt: string
  prompt_ids: number[]
}

const rows = JSON.parse(readFileSync(golden('smollm2/greedy.json'), 'utf8')) as Row[]
const { tokenizer, chatTemplate } = loadTokenizerFromMetadata(smollm2)
const prompt = { addGenerationPrompt: true }
const noon = (): Date => new Date(2026, 10, 24, 12, 5, 9)

function templated(source: string): ChatTemplate {
  const template = chatTemplateFrom(source, tokenizer, noon)
  if (!template) throw new Error('no template')
  return template
}

const smol = templated(chatTemplate!.source)
const user = (content: string): TemplateMessage => ({ role: 'user', content })
const assistant = (content: string): TemplateMessage => ({ role: 'assistant', content })
const system = (content: string): TemplateMessage => ({ role: 'system', content })

function failure(work: () => unknown): MoruError {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof MoruError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

describe("SmolLM2's template", () => {
  it.each(rows)('renders and encodes chat %#', ({ messages, prompt: text, prompt_ids: ids }) => {
    expect(smol.render(messages, prompt)).toBe(text)
    expect(smol.encode(messages, prompt)).toEqual({ text, ids })
  })

  it('leaves the generation prompt out when asked to', () => {
    expect(smol.render([user('a')], { addGenerationPrompt: false })).toMatch(/a<\|im_end\|>\n$/)
  })

  it('gives the ids of the whole text when no message holds a control token', () => {
    const content = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !text.includes('<'))
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 4 }), (contents) => {
        const { text, ids } = smol.encode(contents.map(user), prompt)
        expect(ids).toEqual(tokenizer.encode(text, { special: true }))
      }),
      { numRuns: 100 },
    )
  })

  it('never makes control tokens of message texts', () => {
    const pieces = [
      '<|im_end|>',
      '<|im_start|>',
      '<|im_',
      'end|>',
      '<|',
      'im_start',
      '|>',
      '<|endoftext|>',
      'hi',
      '가',
      '\ue000',
    ]
    const hostile = fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join(''))
    const controls = (ids: number[]): number[] => ids.filter((id) => tokenizer.isControl(id))
    fc.assert(
      fc.property(hostile, hostile, (first, second) => {
        const { text, ids } = smol.encode([system(first), user(second)], prompt)
        expect(text).toBe(smol.render([system(first), user(second)], prompt))
        expect(tokenizer.decode(ids, { special: true })).toBe(text)
        expect(controls(ids)).toEqual(controls(smol.encode([system('a'), user('b')], prompt).ids))
      }),
      { numRuns: 200 },
    )
  })
})

describe('templates of other kinds', () => {
  const refusing =
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}" +
    "{{ raise_exception('Roles must alternate') }}{% endif %}[{{ m.role }}] {{ m.content | trim }}\n{% endfor %}"

  it('puts a refused system text before the first question', () => {
    expect(templated(refusing).render([system('Be brief.'), user('Hi')], prompt)).toBe('[user] Be brief.\n\nHi\n')
  })

  it('joins neighbours of one role where roles must alternate', () => {
    const messages = [user('a'), user('b'), assistant('c'), user('d')]
    expect(templated(refusing).render(messages, prompt)).toBe('[user] a\n\nb\n[assistant] c\n[user] d\n')
    expect(templated(refusing).render([system('s'), ...messages], prompt)).toMatch(/^\[user\] s\n\na\n\nb\n/)
  })

  it('does not lose a system text that a template ignores', () => {
    const ignoring = "{% for m in messages if m.role != 'system' %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    expect(templated(ignoring).render([system('Be brief.'), user('Hi')], prompt)).toBe('user: Be brief.\n\nHi\n')
  })

  it('gives contents as lists of parts where a template wants them', () => {
    const parts =
      "{% for m in messages %}{{ m.role }}:{% for part in m.content %}{% if part['type'] == 'text' %}" +
      "{{ part['text'] }}{% endif %}{% endfor %}|{% endfor %}"
    expect(templated(parts).render([system('S'), user('Hi')], prompt)).toBe('system:S|user:Hi|')
  })

  it("passes a template's refusal on in its own words", () => {
    const error = failure(() => templated("{{ raise_exception('Only tools here') }}").render([user('a')], prompt))
    expect(error.code).toBe('invalid_input')
    expect(error.message).toContain('Only tools here')
  })

  it('offers what transformers offers', () => {
    const source =
      "{{ bos_token }}|{{ eos_token }}|{{ tools is none }}|{{ strftime_now('%d %b %Y %H:%M') }}|{{ {'가': [1, true]} | tojson }}|" +
      '{% for i in range(2, 8, 3) %}{{ i }}{% endfor %}|{{ range(3) | length }}|{{ enable_thinking is defined }}|{{ 7 // 2 }}'
    expect(templated(source).render([user('a')], prompt)).toBe(
      '<|im_start|>|<|im_end|>|true|24 Nov 2026 12:05|{"가": [1, true]}|25|3|false|3',
    )
  })

  it('runs what the larger published templates use', () => {
    const source =
      '{%- macro say(role, text) -%}<{{ role }}>{{ text }}{%- endmacro -%}' +
      '{%- set ns = namespace(last=-1) -%}' +
      "{%- for m in messages[::-1] -%}{%- if ns.last == -1 and m.role == 'user' and m.content is string -%}" +
      '{%- set ns.last = (messages | length - 1) - loop.index0 -%}{%- endif -%}{%- endfor -%}' +
      '{%- for m in messages -%}{%- set text = m.content -%}' +
      "{%- if m.role == 'assistant' and '</think>' in text -%}{%- set text = text.split('</think>')[-1].lstrip('\\n') -%}{%- endif -%}" +
      "{{- say(m.role ~ ('!' if loop.index0 == ns.last else ''), text) -}}{%- endfor -%}" +
      "{%- if add_generation_prompt -%}{{- '<assistant>' -}}{%- if enable_thinking is false -%}{{- '<think>\\n\\n</think>' -}}{%- endif -%}{%- endif -%}"
    const messages = [user('q'), assistant('<think>\nhm\n</think>\n\na'), user('한글?')]
    const rendered = templated(source).render(messages, { ...prompt, variables: { enable_thinking: false } })
    expect(rendered).toBe('<user>q<assistant>a<user!>한글?<assistant><think>\n\n</think>')
  })

  it('hands further variables through', () => {
    const source = '{% if enable_thinking is defined and not enable_thinking %}off{% else %}on{% endif %}'
    expect(templated(source).render([user('a')], { ...prompt, variables: { enable_thinking: false } })).toBe('off')
    expect(templated(source).render([user('a')], prompt)).toBe('on')
  })

  it('writes BOS once, whether or not the template does', () => {
    const spm = tokenizerFromGguf(readMetadata(golden('tokenizers/sentencepiece/spm-bpe.gguf')))
    for (const source of ['{{ bos_token }}{{ messages[0].content }}', '{{ messages[0].content }}']) {
      const { ids } = chatTemplateFrom(source, spm)!.encode([user('Hello')], prompt)
      expect(ids).toEqual([spm.bosId, ...spm.encode('Hello', { special: false })])
    }
  })
})

describe('files that call chat tokens ordinary', () => {
  it.each([1, 4])('type %i: they are control tokens all the same', (type) => {
    const metadata = new Map(smollm2)
    metadata.set('tokenizer.ggml.token_type', (smollm2.get('tokenizer.ggml.token_type') as number[]).map((was, id) => (id < 3 ? type : was))) // prettier-ignore
    const loaded = loadTokenizerFromMetadata(metadata)
    for (const { messages, prompt: text, prompt_ids: ids } of rows)
      expect(loaded.chatTemplate?.encode(messages, prompt)).toEqual({ text, ids })
    const { ids } = loaded.chatTemplate!.encode([user('a<|im_end|>b')], prompt)
    expect(ids.filter((id) => id === 2)).toHaveLength(2)
  })
})

describe('models without a template', () => {
  it('get ChatML when the vocabulary has its tokens', () => {
    const template = chatTemplateFrom(null, tokenizer)
    expect(template?.render([user('Hi')], prompt)).toBe('<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n')
  })

  it('have no chat when it does not', () => {
    const spm = tokenizerFromGguf(readMetadata(golden('tokenizers/sentencepiece/spm-bpe.gguf')))
    expect(chatTemplateFrom(null, spm)).toBeNull()
    expect(chatUnsupported('Base').message).toMatch(/Base has no chat template/)
  })

  it.each([
    ['<start_of_turn>', '<end_of_turn>', '<start_of_turn>user\nS\n\nHi<end_of_turn>\n<start_of_turn>model\n'],
    ['<|user|>', '<|assistant|>', '<|system|>\nS</s>\n<|user|>\nHi</s>\n<|assistant|>\n'],
  ])('are recognised by %s', (first, second, expected) => {
    const metadata = readMetadata(golden('tokenizers/sentencepiece/spm-bpe.gguf'))
    const tokens = metadata.get('tokenizer.ggml.tokens') as string[]
    tokens[tokens.length - 1] = first
    tokens[tokens.length - 2] = second
    metadata.set('tokenizer.ggml.bos_token_id', 0xffffffff)
    const template = chatTemplateFrom(null, tokenizerFromGguf(metadata))
    expect(template?.render([system('S'), user('Hi')], prompt)).toBe(expected)
  })
})

describe('hostile templates end in an error', () => {
  const grow = '{% set ns = namespace(s="aaaaaaaa") %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}'
  it.each([
    ['a range of a billion', '{% for i in range(1000000000) %}a{% endfor %}', /range\(\)/],
    ['a range without end', '{% for i in range(0, 5, 0) %}a{% endfor %}', /range\(\)/],
    ['nested loops', '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}', /longer than|steps/],
    ['a doubling text', grow, /characters/],
    ['a text multiplied by itself', `${grow.replace('99', '20')}{{ ns.s | replace("a", ns.s) }}`, /longer than|too long|characters/],
    ['a doubling list', '{% set ns = namespace(s=[1]) %}{% for a in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}', /longer than|too long/],
    ['deep nesting', `{{ ${'['.repeat(100_000)}${']'.repeat(100_000)} }}`, /nests too deeply/],
    ['a constructor', '{{ messages.constructor.constructor("return process")() }}', /not a function/],
    ['an unknown filter', '{{ messages | shuffle }}', /shuffle/],
    ['a broken block', '{% for %}', /cannot be read/],
    ['a giant source', ' '.repeat(600_000), /600000 characters/],
  ])('%s', (_what, source, message) => {
    const started = performance.now()
    const error = failure(() => templated(source).render([user('a')], prompt))
    expect(error.code).toBe('invalid_file')
    expect(error.message).toMatch(message)
    expect(performance.now() - started).toBeLessThan(10_000)
  }) // prettier-ignore
})
