/** Reads rotary positions from config.json, in the spellings of transformers 4 and 5. */
import type { RopeConfig, YarnScaling } from './config'
import { bounds, type ConfigValues, show } from './config-values'

/**
 * The rope of a model with one kind of layer. Version 5 writes rope_parameters {rope_type, rope_theta, ...}; version 4
 * rope_theta beside an optional rope_scaling {rope_type or type, ...}.
 */
export function readRope(values: ConfigValues, headDim: number, defaultTheta = 10_000): RopeConfig {
  const parameters = values.section('rope_parameters')
  const theta = (parameters?.has('rope_theta') ? parameters : values).number(
    ['rope_theta'],
    bounds.ropeTheta,
    defaultTheta,
  )
  return {
    theta,
    dim: rotatedDim(parameters?.has('partial_rotary_factor') ? parameters : values, headDim),
    scaling: readScaling(parameters ?? values.section('rope_scaling'), values),
  }
}

/**
 * Gemma 3's two ropes. Version 5: rope_parameters {full_attention: {...}, sliding_attention: {...}}. Version 4:
 * rope_theta with rope_scaling for the global layers, rope_local_base_freq without scaling for the sliding ones.
 */
export function readGemmaRopes(values: ConfigValues, headDim: number): { rope: RopeConfig; localRope: RopeConfig } {
  const byType = values.section('rope_parameters')
  const full = byType?.section('full_attention')
  const sliding = byType?.section('sliding_attention')
  const rope = (section: ConfigValues, theta: number): RopeConfig => ({
    theta: section.number(['rope_theta'], bounds.ropeTheta, theta),
    dim: headDim,
    scaling: readScaling(section, values),
  })
  const localTheta = values.number(['rope_local_base_freq'], bounds.ropeTheta, 10_000)
  return {
    rope: full ? rope(full, 1_000_000) : readRope(values, headDim, 1_000_000),
    localRope: sliding ? rope(sliding, localTheta) : { theta: localTheta, dim: headDim, scaling: { kind: 'none' } },
  }
}

function rotatedDim(values: ConfigValues, headDim: number): number {
  const share = values.number(['partial_rotary_factor'], { least: 0.01, most: 1 }, 1)
  return Math.floor(headDim * share)
}

function readScaling(section: ConfigValues | null, model: ConfigValues): RopeConfig['scaling'] {
  const type = section?.get('rope_type', 'type') ?? 'default'
  if (!section || type === 'default' || type === 'dynamic') return { kind: 'none' }
  const factor = (key: string): number => section.number([key], bounds.factor)
  if (type === 'linear') return { kind: 'linear', factor: factor('factor') }
  if (type === 'yarn') return readYarn(section, model)
  if (type !== 'llama3') {
    const known = 'default, linear, dynamic, yarn and llama3'
    throw section.unsupported('rope_type', `is ${show(type)}; Moru knows ${known}`)
  }
  const scaling = {
    kind: 'llama3' as const,
    factor: factor('factor'),
    lowFreqFactor: factor('low_freq_factor'),
    highFreqFactor: factor('high_freq_factor'),
    originalContextLength: section.integer(['original_max_position_embeddings'], bounds.tokens),
  }
  if (scaling.highFreqFactor > scaling.lowFreqFactor) return scaling
  throw section.fault('high_freq_factor', 'is not above low_freq_factor')
}

/** `model` has the context length, on which an original one that is missing and a factor that is missing rest. */
function readYarn(section: ConfigValues, model: ConfigValues): YarnScaling {
  const contextLength = (): number => model.integer(['max_position_embeddings'], bounds.tokens)
  const original = ['original_max_position_embeddings']
  const originalContextLength = section.has(original[0]) ? section.integer(original, bounds.tokens) : contextLength()
  const factor = section.has('factor')
    ? section.number(['factor'], bounds.factor)
    : contextLength() / originalContextLength
  const magnitude = (key: string): number => section.number([key], bounds.factor)
  const stated = section.has('mscale') && section.has('mscale_all_dim')
  const usual = stated
    ? yarnMagnitude(factor, magnitude('mscale')) / yarnMagnitude(factor, magnitude('mscale_all_dim'))
    : yarnMagnitude(factor)
  return {
    kind: 'yarn',
    factor,
    originalContextLength,
    betaFast: section.number(['beta_fast'], bounds.factor, 32),
    betaSlow: section.number(['beta_slow'], bounds.factor, 1),
    truncate: section.flag('truncate', true),
    attentionFactor: section.number(['attention_factor'], bounds.factor, usual),
  }
}

/** What cosines and sines are multiplied by, as the paper found it best (its equation 22). */
export const yarnMagnitude = (factor: number, weight = 1): number =>
  factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1
