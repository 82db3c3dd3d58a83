import { MoruError } from '../../../shared/errors'
import { Charsmap } from './charsmap'
import { asList, asObject, asString, type JsonObject, typeOf } from './json-fields'
import { patternOf } from './json-pattern'
import { normalizeBert } from './wordpiece'

export type Normalizer = (text: string) => string

/** tokenizer.json's `normalizer` as a function. Throws `unsupported` for a kind that Moru does not know. */
export function normalizerOf(value: unknown, where = 'tokenizer.json: normalizer'): Normalizer {
  if (value === null || value === undefined) return (text) => text
  const config = asObject(value, where)
  const type = typeOf(config, where)
  if (type === 'Sequence') {
    const steps = asList(config.normalizers, `${where}.normalizers`).map((step, i) =>
      normalizerOf(step, `${where}[${i}]`),
    )
    return (text) => steps.reduce((normal, step) => step(normal), text)
  }
  if (Object.hasOwn(builders, type)) return builders[type](config, where)
  throw new MoruError('unsupported', `${where}: Moru does not know the kind ${JSON.stringify(type.slice(0, 40))}.`)
}

const builders: Record<string, (config: JsonObject, where: string) => Normalizer> = {
  NFC: () => (text) => text.normalize('NFC'),
  NFD: () => (text) => text.normalize('NFD'),
  NFKC: () => (text) => text.normalize('NFKC'),
  NFKD: () => (text) => text.normalize('NFKD'),
  Lowercase: () => (text) => text.replace(/\p{Changes_When_Lowercased}/gu, (letter) => letter.toLowerCase()),
  StripAccents: () => (text) => text.replace(/\p{M}/gu, ''),
  Strip: (config) => (text) => {
    const left = config.strip_left === false ? text : text.trimStart()
    return config.strip_right === false ? left : left.trimEnd()
  },
  Prepend: (config, where) => {
    const prefix = asString(config.prepend, `${where}.prepend`)
    return (text) => (text === '' ? '' : prefix + text)
  },
  Replace: (config, where) => {
    const pattern = patternOf(config.pattern, where)
    const content = asString(config.content, `${where}.content`)
    return (text) => pattern.replace(text, content)
  },
  Precompiled: (config, where) => {
    const base64 = asString(config.precompiled_charsmap, `${where}.precompiled_charsmap`)
    if (base64 === '') return (text) => text
    const charsmap = new Charsmap(Buffer.from(base64, 'base64'), `${where}.precompiled_charsmap`)
    return (text) => charsmap.apply(text)
  },
  BertNormalizer: (config) => {
    const lowercase = config.lowercase !== false
    const rules = {
      cleanText: config.clean_text !== false,
      separateHan: config.handle_chinese_chars !== false,
      lowercase,
      stripAccents: typeof config.strip_accents === 'boolean' ? config.strip_accents : lowercase,
    }
    return (text) => normalizeBert(text, rules)
  },
}
