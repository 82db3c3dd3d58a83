import { ref, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'

/**
 * Rows in the order of a column: numbers by their size, texts by the reader's alphabet.
 *
 * @param valueOf what a row has in a column
 * @param start the column at first
 * @param descendsFirst whether a column that is chosen begins with its largest
 */
export function useSorting<Row, Key extends string>(
  valueOf: (row: Row, key: Key) => string | number,
  start: NoInfer<Key>,
  descendsFirst: (key: NoInfer<Key>) => boolean = () => false,
) {
  const { locale } = useI18n()
  const by = ref(start) as Ref<Key>
  const descending = ref(descendsFirst(start))

  function sortBy(key: Key) {
    descending.value = by.value === key ? !descending.value : descendsFirst(key)
    by.value = key
  }
  const sortState = (key: Key) => (by.value !== key ? 'none' : descending.value ? 'descending' : 'ascending')

  function order(a: Row, b: Row): number {
    const [x, y] = [valueOf(a, by.value), valueOf(b, by.value)]
    return typeof x === 'number' ? x - Number(y) : x.localeCompare(String(y), locale.value)
  }
  const sorted = (rows: readonly Row[]) => [...rows].sort((a, b) => (descending.value ? order(b, a) : order(a, b)))
  return { sortBy, sortState, sorted }
}
