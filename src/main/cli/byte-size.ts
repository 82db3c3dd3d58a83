/** Sizes as people write them. */
import { UsageError } from './command'

const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 }

/** Bytes: a number with K, M or G, as gguf-split counts them (powers of ten). Throws UsageError. */
export function sizeOf(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?)B?$/i.exec(text)
  if (match) return Math.round(Number(match[1]) * units[match[2].toUpperCase()])
  throw new UsageError(`--${option} ${text}: a size such as 500M or 2G belongs here.`)
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
