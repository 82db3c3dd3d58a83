/** The flags for loading and sampling that commands share. */
import { type InputOf } from '../../shared/contract'
import { type textGenerate } from '../../shared/contract/text'
import { oneOf, type Values } from './command'

/** Which model, and how it is loaded. */
export const modelOptions = {
  model: { type: 'string' },
  context: { type: 'string' },
  'compute-type': { type: 'string' },
  'kv-type': { type: 'string' },
} as const

export const samplingOptions = {
  ...modelOptions,
  'max-tokens': { type: 'string' },
  temperature: { type: 'string' },
  'top-k': { type: 'string' },
  'top-p': { type: 'string' },
  'min-p': { type: 'string' },
  'typical-p': { type: 'string' },
  'repetition-penalty': { type: 'string' },
  'presence-penalty': { type: 'string' },
  'frequency-penalty': { type: 'string' },
  seed: { type: 'string' },
  stop: { type: 'string', multiple: true },
} as const

export const samplingUsage =
  '[--model MODEL] [--max-tokens N] [--temperature T] [--top-k K] [--top-p P] [--min-p P] [--typical-p P] [--repetition-penalty R] ' +
  '[--presence-penalty P] [--frequency-penalty F] [--seed S] [--stop TEXT ...] [--context N] [--compute-type f32|f16] [--kv-type f32|f16|int8]'

/** Options whose name is not that of the request's field. */
export const fieldOptions: Record<string, string> = { contextLength: '--context' }

/** Only what was given: the contract's defaults fill in the rest. */
export function samplingOf(values: Values): InputOf<typeof textGenerate>['sampling'] {
  const numbers = {
    maxTokens: values.number('max-tokens'),
    temperature: values.number('temperature'),
    topK: values.number('top-k'),
    topP: values.number('top-p'),
    minP: values.number('min-p'),
    typicalP: values.number('typical-p'),
    repetitionPenalty: values.number('repetition-penalty'),
    presencePenalty: values.number('presence-penalty'),
    frequencyPenalty: values.number('frequency-penalty'),
    seed: values.number('seed'),
  }
  const given = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined))
  return { ...given, stop: values.texts('stop') }
}

export function loadOf(values: Values): InputOf<typeof textGenerate>['load'] {
  const contextLength = values.number('context')
  return {
    ...(contextLength !== undefined && { contextLength }),
    computeType: chosen(values, 'compute-type', ['f32', 'f16']),
    kvType: chosen(values, 'kv-type', ['f32', 'f16', 'int8']),
  }
}

function chosen<T extends string>(values: Values, name: string, choices: readonly T[]): T | undefined {
  const value = values.text(name)
  return value === undefined ? undefined : oneOf(name, value, choices)
}
