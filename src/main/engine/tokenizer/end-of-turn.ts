import { type Vocabulary } from './vocabulary'

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

/** Ids of all end-of-turn tokens that a vocabulary has. */
export function endOfTurnIds(vocabulary: Vocabulary): number[] {
  return endOfTurnTexts.flatMap((text) => vocabulary.ids.get(text) ?? [])
}
