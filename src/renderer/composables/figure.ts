import { useFormat } from './format'

/** A measured value with about three figures, as many as there is something to compare by. */
export function useFigure() {
  const format = useFormat()
  return (value: number): string => {
    const size = Math.abs(value)
    return format.number(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 || size === 0 ? 2 : size >= 0.1 ? 3 : 4)
  }
}
