import { MoruError } from '../../../shared/errors'
import { asList, asObject, type JsonObject, typeOf } from './json-fields'
import { patternOf, TextPattern } from './json-pattern'
import { meta } from './sentencepiece-normalizer'
import { preTokenizerOf, splitText } from './pre-tokenizers'
import { bertWords } from './wordpiece'

/** Cuts a text into pieces that are encoded on their own. `first`: whether nothing stands before the text. */
export type Splitter = (text: string, first: boolean) => string[]

/**
 * tokenizer.json's `pre_tokenizer` as a function. ByteLevel only cuts here: the model maps bytes itself. Throws
 * `unsupported` for a kind that Moru does not know.
 */
export function splitterOf(value: unknown, where = 'tokenizer.json: pre_tokenizer'): Splitter {
  if (value === null || value === undefined) return (text) => [text]
  const config = asObject(value, where)
  const type = typeOf(config, where)
  if (type === 'Sequence') {
    const steps = asList(config.pretokenizers, `${where}.pretokenizers`).map((step, i) =>
      splitterOf(step, `${where}[${i}]`),
    )
    return (text, first) =>
      steps.reduce((pieces, step) => pieces.flatMap((piece, i) => step(piece, first && i === 0)), [text])
  }
  if (Object.hasOwn(builders, type)) return builders[type](config, where)
  throw new MoruError('unsupported', `${where}: Moru does not know the kind ${JSON.stringify(type.slice(0, 40))}.`)
}

/** Whether the component or one of its parts is of this type. */
export function hasType(value: unknown, type: string): boolean {
  return componentsOf(value).some((component) => component.type === type)
}

/** A component and all its parts. */
export function componentsOf(value: unknown): JsonObject[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const component = value as JsonObject
  const parts = [component.pretokenizers, component.normalizers, component.decoders, component.processors]
  return [component, ...parts.flatMap((list) => (Array.isArray(list) ? list.flatMap(componentsOf) : []))]
}

const wordOrMarks = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{White_Space}]+/gu

/** An expression of our own. */
const fixed = (expression: RegExp): TextPattern => new TextPattern(expression, 'pre_tokenizer')

const builders: Record<string, (config: JsonObject, where: string) => Splitter> = {
  BertPreTokenizer: () => bertWords,
  Whitespace: () => (text) => text.match(wordOrMarks) ?? [],
  WhitespaceSplit: () => (text) => text.match(/\P{White_Space}+/gu) ?? [],
  Digits: (config) => behave(fixed(/\p{N}/gu), config.individual_digits === true ? 'Isolated' : 'Contiguous', false),
  Punctuation: (config, where) =>
    behave(fixed(/[\p{P}!-/:-@[-`{-~]/gu), behaviorOf(config.behavior ?? 'Isolated', where), false),
  Split: (config, where) =>
    behave(patternOf(config.pattern, where), behaviorOf(config.behavior, where), config.invert === true),
  ByteLevel: (config) => {
    const { patterns } = preTokenizerOf('gpt-2')
    return (text) => {
      const spaced = config.add_prefix_space === true && !text.startsWith(' ') ? ` ${text}` : text
      return config.use_regex === false ? [spaced] : splitText(spaced, patterns)
    }
  },
  Metaspace: (config) => {
    const scheme = config.prepend_scheme ?? (config.add_prefix_space === false ? 'never' : 'always')
    const cut = behave(fixed(new RegExp(meta, 'gu')), 'MergedWithNext', false)
    return (text, first) => {
      const spaced = text.replaceAll(' ', meta)
      const prefix = scheme === 'always' || (scheme === 'first' && first)
      const whole = prefix && !spaced.startsWith(meta) ? meta + spaced : spaced
      return config.split === false ? [whole] : cut(whole, first)
    }
  },
}

const behaviors = ['Removed', 'Isolated', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext'] as const
type Behavior = (typeof behaviors)[number]

function behaviorOf(value: unknown, where: string): Behavior {
  const known = behaviors.find((behavior) => behavior === value)
  if (known) return known
  throw new MoruError('unsupported', `${where}.behavior: Moru does not know ${JSON.stringify(value)}.`)
}

interface Segment {
  text: string
  match: boolean
}

function behave(pattern: TextPattern, behavior: Behavior, invert: boolean): Splitter {
  return (text) => arrange(segments(text, pattern, invert), behavior)
}

function segments(text: string, pattern: TextPattern, invert: boolean): Segment[] {
  const found: Segment[] = []
  let end = 0
  for (const match of pattern.matches(text)) {
    if (match[0] === '') continue
    if (match.index > end) found.push({ text: text.slice(end, match.index), match: invert })
    found.push({ text: match[0], match: !invert })
    end = match.index + match[0].length
  }
  if (end < text.length) found.push({ text: text.slice(end), match: invert })
  return found
}

function arrange(found: Segment[], behavior: Behavior): string[] {
  if (behavior === 'Isolated') return found.map((segment) => segment.text)
  if (behavior === 'Removed') return found.filter((segment) => !segment.match).map((segment) => segment.text)
  const joins: Record<Exclude<Behavior, 'Isolated' | 'Removed'>, (left: Segment, right: Segment) => boolean> = {
    Contiguous: (left, right) => left.match === right.match,
    MergedWithPrevious: (left, right) => right.match && !left.match,
    MergedWithNext: (left, right) => left.match && !right.match,
  }
  const groups: string[][] = []
  found.forEach((segment, i) => {
    if (i > 0 && joins[behavior](found[i - 1], segment)) groups.at(-1)!.push(segment.text)
    else groups.push([segment.text])
  })
  return groups.map((group) => group.join(''))
}
