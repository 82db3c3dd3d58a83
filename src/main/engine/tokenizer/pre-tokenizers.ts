/**
 * How a text is cut before byte-level merging, by GGUF's tokenizer.ggml.pre. The patterns are the published tokenizers' own;
 * \p{White_Space} stands for \s, which in JavaScript also means U+FEFF and not U+0085.
 */
import { MoruError } from '../../../shared/errors'

export interface PreTokenizer {
  /** Applied one after the other; what a pattern matches is a piece, and so is what lies between two matches. */
  patterns: readonly RegExp[]
  /** A piece that is a token as a whole is not built up by merges. */
  ignoreMerges: boolean
  /** Whether BOS is added where the file does not say. */
  addBos: boolean
  /** Whether the separator ends a text where the file does not say, as in RoBERTa. */
  addSep: boolean
}

const s = '\\p{White_Space}'
const apostrophes = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
const blanks = `${s}*[\\r\\n]+|${s}+(?!\\P{White_Space})|${s}+`
const other = `[^${s}\\p{L}\\p{N}]`
const prefixed = '[^\\r\\n\\p{L}\\p{N}]?'

const gpt2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?${other}+|${s}+(?!\\P{White_Space})|${s}+`
const words = (digits: string): string =>
  `${apostrophes}|${prefixed}\\p{L}+|\\p{N}${digits}| ?${other}+[\\r\\n]*|${blanks}`
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const cased = (suffix: string): string =>
  `${prefixed}${upper}*${lower}+${suffix}|${prefixed}${upper}+${lower}*${suffix}`
const bloom = ` ?[^(${s}|.,!?…。，、।۔،)]+`
const han = '[一-龥぀-ゟ゠-ヿ]+'
const deepseek3 = `[!"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_\`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${blanks}`

interface Family {
  names: string[]
  patterns: string[]
  ignoreMerges?: boolean
  addBos?: boolean
  addSep?: boolean
}

const families: Family[] = [
  { names: ['default'], patterns: ['[\\p{P}$+<=>^~|]+', gpt2, '\\p{N}+', '[0-9][0-9][0-9]'] },
  {
    names: ['gpt-2', 'gpt2', 'phi-2', 'mpt', 'olmo', 'jais', 'trillion', 'granite-docling', 'gigachat', 'mellum'],
    patterns: [gpt2],
  },
  { names: ['roberta-bpe', 'jina-v1-en', 'jina-v2-code'], patterns: [gpt2], addSep: true },
  { names: ['opt', 'exaone4', 'a.x-4.0', 'jina-es', 'jina-de', 'jina-v2-es', 'jina-v2-de'], patterns: [gpt2] },
  {
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'],
    patterns: ['\\p{N}', gpt2],
  },
  {
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
    patterns: [words('{1,3}')],
    ignoreMerges: true,
    addBos: true,
  },
  { names: ['dbrx', 'smaug-bpe', 'glm4', 'chatglm-bpe'], patterns: [words('{1,3}')] },
  { names: ['qwen2', 'deepseek-r1-qwen', 'stablelm2', 'hunyuan', 'megrez', 'grok-2', 'kormo'], patterns: [words('')] },
  { names: ['bloom', 'gpt3-finnish', 'poro-chat'], patterns: [bloom] },
  { names: ['viking'], patterns: [bloom, '\\p{N}'] },
  { names: ['falcon'], patterns: ['[\\p{P}$+<=>^~|`]+', gpt2, '[0-9][0-9][0-9]'] },
  {
    names: ['tekken'],
    patterns: [`${cased('')}|\\p{N}| ?${other}+[\\r\\n/]*|${blanks}`],
    ignoreMerges: true,
    addBos: true,
  },
  {
    names: ['gpt-4o', 'llama4', 'kanana2'],
    patterns: [`${cased(`${apostrophes}?`)}|\\p{N}{1,3}| ?${other}+[\\r\\n/]*|${blanks}`],
  },
  { names: ['deepseek-v3', 'hunyuan-dense'], patterns: ['\\p{N}{1,3}', han, deepseek3] },
  {
    names: ['deepseek-coder'],
    patterns: ['[\\r\\n]', `${s}?\\p{L}+`, `${s}?\\p{P}+`, '[一-龥ࠀ-一가-퟿]+', '\\p{N}'],
  },
  {
    names: ['seed-coder'],
    patterns: [`${apostrophes}|${prefixed}\\p{L}+|\\p{N}| ?[^${s}\\p{L}\\p{N}\\r\\n]+|${blanks}`],
  },
]

/** Names of tokenizer.ggml.pre that Moru knows. */
export const preTokenizerNames: readonly string[] = families.flatMap((family) => family.names)

/** The pre-tokenizer that a GGUF file names. Throws `unsupported` for a name that is not known: guessing would garble text. */
export function preTokenizerOf(name: string): PreTokenizer {
  const family = families.find((candidate) => candidate.names.includes(name))
  if (!family)
    throw new MoruError(
      'unsupported',
      `tokenizer.ggml.pre: Moru does not know how ${JSON.stringify(name.slice(0, 60))} cuts text. ` +
        'Use the model in safetensors form, whose tokenizer.json says it in full, or a file for one of: ' +
        `${preTokenizerNames.join(', ')}.`,
    )
  return {
    patterns: family.patterns.map((pattern) => new RegExp(pattern, 'gu')),
    ignoreMerges: family.ignoreMerges ?? false,
    addBos: family.addBos ?? false,
    addSep: family.addSep ?? false,
  }
}

/** Cuts a text by the patterns in turn. Joined together the pieces are the text. */
export function splitText(text: string, patterns: readonly RegExp[]): string[] {
  let pieces = [text]
  for (const pattern of patterns) {
    const cut: string[] = []
    for (const piece of pieces) cutPiece(piece, pattern, cut)
    pieces = cut
  }
  return pieces
}

function cutPiece(piece: string, pattern: RegExp, out: string[]): void {
  let end = 0
  for (const match of piece.matchAll(pattern)) {
    if (match[0] === '') continue
    if (match.index > end) out.push(piece.slice(end, match.index))
    out.push(match[0])
    end = match.index + match[0].length
  }
  if (end < piece.length) out.push(piece.slice(end))
}
