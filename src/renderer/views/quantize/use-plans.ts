import { onScopeDispose, reactive, watch } from 'vue'
import { type QuantizePlan, type RecipeInput } from '../../../shared/contract/quantize'
import { useClient } from '../../api'
import { type DraftRecipe } from '../../stores/quantize'

export interface PlanState {
  plan: QuantizePlan | null
  error: unknown
}

/** Plans of all drafts, asked for anew a moment after one has changed. */
export function usePlans(
  drafts: () => DraftRecipe[],
  model: () => string | null,
  withShared: (r: RecipeInput) => RecipeInput,
) {
  const { api } = useClient()
  const plans = reactive(new Map<number, PlanState>())
  const asked = new Map<number, string>()
  let timer: ReturnType<typeof setTimeout> | undefined

  async function ask(draft: DraftRecipe) {
    const input = { model: model(), recipe: withShared(draft.recipe) }
    const text = JSON.stringify(input)
    if (asked.get(draft.key) === text) return
    asked.set(draft.key, text)
    const answer: PlanState = { plan: null, error: null }
    try {
      answer.plan = await api.quantize.plan(input)
    } catch (thrown) {
      answer.error = thrown
    }
    if (asked.get(draft.key) === text) plans.set(draft.key, answer)
  }

  watch(
    () => JSON.stringify([model(), drafts().map((draft) => [draft.key, withShared(draft.recipe)])]),
    () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        const keys = new Set(drafts().map((draft) => draft.key))
        for (const key of [...plans.keys()].filter((each) => !keys.has(each))) {
          plans.delete(key)
          asked.delete(key)
        }
        for (const draft of drafts()) void ask(draft)
      }, 200)
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(timer))
  return plans
}
