import { tokenType, type Vocabulary } from './vocabulary'

/** Texts of tokens that end a turn, for files that do not name theirs; the list is llama.cpp's. */
const endOfTurnTexts = [
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '<|end_of_text|>',
  '<end_of_utterance>',
]

/** Texts of further tokens that structure a chat. */
const chatTexts = [
  '<|im_start|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|begin_of_text|>',
  '<start_of_turn>',
  '<|system|>',
  '<|user|>',
  '<|assistant|>',
]

/** Ids of all end-of-turn tokens that a vocabulary has. */
export function endOfTurnIds(vocabulary: Vocabulary): number[] {
  return idsOf(vocabulary, endOfTurnTexts)
}

/**
 * Makes the chat's own tokens control tokens. Some files call them ordinary or user-defined; then what a message says
 * could end a turn, and answers would show them.
 */
export function correctControlTokens(vocabulary: Vocabulary): void {
  for (const id of idsOf(vocabulary, [...endOfTurnTexts, ...chatTexts])) vocabulary.types[id] = tokenType.control
}

function idsOf(vocabulary: Vocabulary, texts: readonly string[]): number[] {
  return texts.flatMap((text) => vocabulary.ids.get(text) ?? [])
}
