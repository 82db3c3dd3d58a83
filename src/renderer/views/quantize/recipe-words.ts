import { computed } from 'vue'
import { useI18n } from 'vue-i18n'

/** The few words that a recipe's short name needs. */
export function useRecipeWords() {
  const { t } = useI18n()
  return computed(() => ({ bits: t('quantize.bitsUnit'), row: t('quantize.perRow'), tensor: t('quantize.perTensor') }))
}
