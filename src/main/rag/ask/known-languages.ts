/** In which languages cosines mean something, and from where on. */
import { type Store } from '../../store'
import { type HeldEmbedder } from '../embedding'

type Language = 'ko' | 'en' | 'other'

/**
 * Share of passages that a sentence of their own finds: MiniLM has 0.77 in English. In Korean, which it does not know, it has
 * 0.09 among long passages, but 0.56 among 231 short ones.
 */
const knownFrom = 0.7
/** Few passages are told apart by chance; English alone is taken for known then, as every model was trained on it. */
const enoughPassages = 20

/** Languages that the models of all collections know, as measured on their own passages. */
export function knownLanguages(store: Store, collectionIds: readonly string[]): ReadonlySet<Language> {
  const sets = collectionIds.map((id) => {
    const rows = store.collections
      .get(id)
      .separation.filter(({ hitAt1, denseWeight }) => hitAt1 >= knownFrom && denseWeight > 0)
    const sure = rows.filter(({ language, passages }) => language === 'en' || passages >= enoughPassages)
    return new Set(sure.map(({ language }) => language))
  })
  return new Set([...sets[0]].filter((language) => sets.every((set) => set.has(language))))
}

/** Sentences that have nothing to do with each other. */
const unrelated: Record<'ko' | 'en', string[]> = {
  en: [
    'The recipe calls for two eggs and a cup of flour.',
    'Parliament voted on the new tax law yesterday.',
    'Replace the battery of the smoke detector every year.',
    'Whales breathe air and nurse their young.',
    'The train to the airport leaves from platform nine.',
    'She plays the second violin in the town orchestra.',
  ],
  ko: [
    '반죽에는 달걀 두 개와 밀가루 한 컵이 들어간다.',
    '국회는 어제 새 세법을 표결에 부쳤다.',
    '화재 경보기의 건전지는 해마다 바꾸어야 한다.',
    '고래는 허파로 숨을 쉬고 새끼에게 젖을 먹인다.',
    '공항으로 가는 기차는 9번 승강장에서 떠난다.',
    '그는 마을 관현악단에서 제2바이올린을 연주한다.',
  ],
}

const backgrounds = new Map<string, number>()

/**
 * Mean cosine of unrelated sentences in a model: some keep them at 0, others at 0.7. Measured once for each model and
 * language; all thresholds are counted from there to 1.
 */
export async function backgroundCosine(
  { key, embedder }: HeldEmbedder,
  language: Language,
  signal: AbortSignal,
): Promise<number> {
  const texts = unrelated[language === 'ko' ? 'ko' : 'en']
  const name = `${key}:${language}`
  const known = backgrounds.get(name)
  if (known !== undefined) return known
  const vectors = (await embedder.embed(texts, { kind: 'plain', signal })).map(unit)
  let sum = 0
  let pairs = 0
  for (let i = 0; i < vectors.length; i++) for (let j = 0; j < i; j++, pairs++) sum += dot(vectors[i], vectors[j])
  const mean = Math.min(0.95, Math.max(0, sum / pairs))
  backgrounds.set(name, mean)
  return mean
}

/** A cosine counted from the background to 1. */
export const aboveBackground = (cosine: number, background: number): number => (cosine - background) / (1 - background)

export function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector))
  return length > 0 ? vector.map((v) => v / length) : vector
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
