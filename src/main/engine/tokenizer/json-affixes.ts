import { MoruError } from '../../../shared/errors'
import { asId, asList, asObject, asString, type JsonObject } from './json-fields'
import { componentsOf } from './json-pre-tokenizer'
import { type Vocabulary } from './vocabulary'

export interface Affixes {
  prefix: number[]
  suffix: number[]
}

/** Ids that tokenizer.json's `post_processor` puts around a single text, else what tokenizer_config.json asks for. */
export function affixesOf(
  postProcessor: unknown,
  config: JsonObject,
  ids: { bosId: number | null; eosId: number | null },
  vocabulary: Vocabulary,
): Affixes {
  for (const step of componentsOf(postProcessor)) {
    if (step.type === 'TemplateProcessing') return fromTemplate(step, vocabulary)
    if (step.type === 'BertProcessing' || step.type === 'RobertaProcessing')
      return { prefix: [idOfPair(step.cls, vocabulary)], suffix: [idOfPair(step.sep, vocabulary)] }
  }
  return {
    prefix: config.add_bos_token === true && ids.bosId !== null ? [ids.bosId] : [],
    suffix: config.add_eos_token === true && ids.eosId !== null ? [ids.eosId] : [],
  }
}

function fromTemplate(step: JsonObject, vocabulary: Vocabulary): Affixes {
  const where = 'tokenizer.json: post_processor'
  const specials = asObject(step.special_tokens ?? {}, `${where}.special_tokens`)
  const affixes: Affixes = { prefix: [], suffix: [] }
  let side = affixes.prefix
  for (const entry of asList(step.single, `${where}.single`)) {
    const item = asObject(entry, `${where}.single`)
    if (item.Sequence !== undefined) side = affixes.suffix
    else {
      const name = asString(asObject(item.SpecialToken, `${where}.single`).id, `${where}.single`)
      const special = Object.hasOwn(specials, name) ? asObject(specials[name], `${where}.special_tokens`) : null
      if (!special) throw new MoruError('invalid_file', `${where}: the token ${JSON.stringify(name)} is not described.`)
      for (const id of asList(special.ids, `${where}.special_tokens`)) side.push(asId(id, vocabulary.size, where))
    }
  }
  return affixes
}

/** BertProcessing writes a token as [text, id]. */
function idOfPair(value: unknown, vocabulary: Vocabulary): number {
  const where = 'tokenizer.json: post_processor'
  return asId(asList(value, where)[1], vocabulary.size, where)
}
