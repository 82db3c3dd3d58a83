/** The text that shows which inputs a model's matrices get. */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import { type Calibration } from '../../shared/contract/quantize'
import { MoruError } from '../../shared/errors'
import {
  type CalibrationWindows,
  isEncoder,
  loadTokenizer,
  type OpenModel,
  readSentenceSettings,
  type Tokenizer,
} from '../engine'
import { readText } from '../text'

interface CalibrationText {
  /** A path, or what it comes from. */
  name: string
  text: string
  sha256: string
}

/** What the text can come from, beside files. */
export interface TextSources {
  /** resources/calibration of the program. */
  bundledFolder: string
  /** All documents of a collection. Throws not_found. */
  collection(id: string): string
  /** What the person has written and been answered. */
  conversations(): string
}

/**
 * The text, and windows of it in the model's own tokens; `calibrates`: the method sees some. Throws not_found, and invalid_input for a
 * text that is empty, no UTF-8, too short, or in a language that the model does not know. An encoder's windows are framed as the
 * passages that it embeds.
 */
export async function readCalibration(
  model: OpenModel,
  calibration: Calibration,
  sources: TextSources,
  calibrates: boolean,
): Promise<{ text: CalibrationText; windows: CalibrationWindows }> {
  const { tokenizer } = await loadTokenizer(model.file)
  const text = await calibrationText(calibration, sources, tokenizer)
  return {
    text,
    windows: calibrationWindows(tokenizer, text, calibration, calibrates, await frameOf(model, tokenizer)),
  }
}

/** Tokens before and after each window. */
type Frame = [before: number[], after: number[]]

async function frameOf({ file, config }: OpenModel, tokenizer: Tokenizer): Promise<Frame> {
  if (!isEncoder(config.architecture)) return [[], []]
  const { passage } = (await readSentenceSettings(file)).prefixes
  const ids = tokenizer.encode(passage, { special: false, affixes: true })
  const closing = ids.length > 1 ? 1 : 0
  return [ids.slice(0, ids.length - closing), ids.slice(ids.length - closing)]
}

/** Throws not_found, and invalid_input for a text that is empty or no UTF-8. */
async function calibrationText(
  { source }: Calibration,
  from: TextSources,
  tokenizer: Tokenizer,
): Promise<CalibrationText> {
  const { name, text } = await read(source, from, tokenizer)
  if (text.trim() === '')
    throw new MoruError(
      'invalid_input',
      `The calibration text (${name}) is empty. Choose a text of some thousand words.`,
    )
  return { name, text, sha256: hash('sha256', text) }
}

async function read(
  source: Calibration['source'],
  from: TextSources,
  tokenizer: Tokenizer,
): Promise<{ name: string; text: string }> {
  switch (source.kind) {
    case 'bundled':
      return bundledText(from.bundledFolder, tokenizer)
    case 'file':
      return { name: source.path, text: await readText(source.path) }
    case 'collection':
      return { name: `collection ${source.collectionId}`, text: from.collection(source.collectionId) }
    case 'conversations':
      return { name: 'conversations', text: from.conversations() }
  }
}

const bundledLanguages = ['en', 'ko'] as const

/** Paragraphs of the languages that the tokenizer knows, in turn. */
async function bundledText(folder: string, tokenizer: Tokenizer): Promise<{ name: string; text: string }> {
  const texts = await Promise.all(bundledLanguages.map((l) => readText(join(folder, `calibration-${l}.txt`))))
  const known = bundledLanguages.filter((_, i) =>
    isKnown(texts[i], tokenizer.encode(texts[i], { special: false }).length),
  )
  const parts = known.map((l) => texts[bundledLanguages.indexOf(l)].split('\n\n'))
  const turns = Math.max(0, ...parts.map((p) => p.length))
  const paragraphs = Array.from({ length: turns }, (_, i) => parts.flatMap((p) => p.slice(i, i + 1))).flat()
  return { name: `bundled (${known.join(', ')})`, text: paragraphs.join('\n\n') }
}

/** Windows kept from the method, to measure it on. */
const heldOutWindows = 2
/** Characters a token of a text in a language that the tokenizer was made for, at the least: of others it makes bytes. */
const fewestLettersPerToken = 0.75

/**
 * The first windows for the method (none where it is not calibrated) and the next ones to measure on; a text that has no more gives
 * none. Throws invalid_input for a text that is shorter than one window, and for one that the tokenizer cuts into single bytes.
 */
function calibrationWindows(
  tokenizer: Tokenizer,
  { name, text }: CalibrationText,
  { window, windows }: Calibration,
  calibrates: boolean,
  [before, after]: Frame,
): CalibrationWindows {
  const ids = tokenizer.encode(text, { special: false })
  const own = Math.max(1, window - before.length - after.length)
  if (ids.length < window)
    throw new MoruError(
      'invalid_input',
      `The calibration text (${name}) has ${ids.length} tokens, which is less than one window of ${window}. Choose a longer text, or shorter windows.`,
    )
  refuseForeign(name, text, ids.length)
  const cut = (w: number) => [...before, ...ids.slice(w * own, (w + 1) * own), ...after]
  const there = Math.floor(ids.length / own)
  const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => cut(from + i))
  if (!calibrates) return { seen: [], heldOut: range(0, Math.min(heldOutWindows, there)) }
  const reserved = there >= 8 ? heldOutWindows : there >= 3 ? 1 : 0
  const seen = Math.min(windows, there - reserved)
  return { seen: range(0, seen), heldOut: range(seen, Math.min(seen + heldOutWindows, there)) }
}

function refuseForeign(name: string, text: string, tokens: number): void {
  if (isKnown(text, tokens)) return
  throw new MoruError(
    'invalid_input',
    `The calibration text (${name}) is in a language or of a kind that the model does not know: its tokenizer makes ${tokens} tokens of ` +
      `${letters(text)} characters. Choose a text in a language that the model was trained on.`,
  )
}

const letters = (text: string): number => [...text.replaceAll(/\s+/g, '')].length
const isKnown = (text: string, tokens: number): boolean => letters(text) >= fewestLettersPerToken * tokens
