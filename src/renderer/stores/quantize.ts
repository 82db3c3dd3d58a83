import { defineStore } from 'pinia'
import { computed, reactive, ref } from 'vue'
import { type MatrixResult, type QuantizeRun, type RecipeInput } from '../../shared/contract/quantize'
import { useClient } from '../api'
import { useModels } from './models'

/** A running quantization as it is followed. */
export interface FollowedRun {
  jobId: string
  stage: 'calibration_text' | 'layers' | 'writing' | 'evaluating' | null
  layer: number | null
  layers: number
  matrices: MatrixResult[]
  error: unknown
  done: boolean
}

export interface Evaluation {
  path: string
  window: number
  windows: number
  skip: number
}

/** The same of an embedding model; an empty path is none. */
export interface EmbeddingEvaluation {
  path: string
  set: string
  passages: number
}

export const embeddingInput = ({ path, set, passages }: EmbeddingEvaluation) => ({
  path: path || null,
  set: set || null,
  passages,
})

/** A recipe in the table, before it is run. */
export interface DraftRecipe {
  key: number
  recipe: RecipeInput
}

/** Quantization: recipes being written, runs being made, and what came of those before. */
export const useQuantize = defineStore('quantize', () => {
  const client = useClient()
  const { api } = client
  const models = useModels()
  const chosenModel = ref<string | null>(null)
  /** The default model, until another is chosen. */
  const modelId = computed({
    get: () => chosenModel.value ?? models.defaultModel?.id ?? null,
    set: (id: string | null) => (chosenModel.value = id),
  })
  /** It embeds texts: its results are compared as embeddings are. */
  const embeds = computed(() => models.byId(modelId.value)?.encoder ?? false)
  const drafts = ref<DraftRecipe[]>([])
  const runs = ref<QuantizeRun[]>([])
  const loaded = ref(false)
  const failure = ref<unknown>(null)
  const followed = reactive(new Map<string, FollowedRun>())
  let nextKey = 1

  function add(recipe: RecipeInput) {
    drafts.value.push({ key: nextKey++, recipe })
  }
  const remove = (key: number) => (drafts.value = drafts.value.filter((draft) => draft.key !== key))

  async function refresh() {
    try {
      runs.value = await api.quantize.runs({})
      loaded.value = true
      failure.value = null
    } catch (thrown) {
      failure.value = thrown
    }
  }

  async function start(recipe: RecipeInput, evaluation: Evaluation, embedding: EmbeddingEvaluation) {
    const evaluate = !embeds.value && evaluation.path ? evaluation : null
    const evaluateEmbeddings = embeds.value && (embedding.path || embedding.set) ? embeddingInput(embedding) : null
    const { jobId } = await api.quantize.start({ model: modelId.value, recipe, evaluate, evaluateEmbeddings })
    void follow(jobId)
  }

  /** Follows a job to its end. */
  async function follow(jobId: string) {
    followed.set(jobId, { jobId, stage: null, layer: null, layers: 0, matrices: [], error: null, done: false })
    const run = followed.get(jobId)!
    try {
      for await (const event of api.quantize.follow({ jobId })) {
        if (event.kind === 'progress')
          Object.assign(run, { stage: event.stage, layer: event.layer, layers: event.layers })
        else if (event.kind === 'matrix') run.matrices.push(event.matrix)
        else run.done = true
      }
    } catch (thrown) {
      run.error = thrown
    }
    await refresh()
  }

  client.onState((state) => {
    if (state === 'ready') void refresh()
    // What the host's loss cut off is told by its job.
    else for (const [jobId, run] of followed) if (!run.done) followed.delete(jobId)
  })

  return { modelId, embeds, drafts, runs, loaded, failure, followed, add, remove, refresh, start }
})
