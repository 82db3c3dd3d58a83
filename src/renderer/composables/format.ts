import { useI18n } from 'vue-i18n'

const byteUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** Numbers, sizes, durations and dates in the reader's language. */
export function useFormat() {
  const { locale, t } = useI18n()
  const number = (value: number, digits = 0) =>
    new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(value)

  /** Sizes in steps of 1,000 bytes: three figures are enough to compare. */
  function bytes(value: number): string {
    const step = value < 1000 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log10(value) / 3))
    if (step === 0) return t('unit.bytes', { n: number(value) })
    const scaled = value / 1000 ** step
    return new Intl.NumberFormat(locale.value, {
      style: 'unit',
      unit: byteUnits[step],
      unitDisplay: 'short',
      maximumFractionDigits: scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2,
    }).format(scaled)
  }

  /** Counts such as parameters: 135M, 1.1B. The same letters in every language, because model names use them. */
  function compact(value: number): string {
    return new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 }).format(value)
  }

  /** Milliseconds as people say them: 320 ms, 3.2 s, 4 min 12 s. */
  function duration(ms: number): string {
    if (ms < 1000) return t('unit.ms', { n: number(ms) })
    if (ms < 60_000) return t('unit.s', { n: number(ms / 1000, 1) })
    const minutes = Math.floor(ms / 60_000)
    if (minutes < 60) return t('unit.min', { m: minutes, s: number((ms % 60_000) / 1000) })
    return t('unit.hour', { h: Math.floor(minutes / 60), m: minutes % 60 })
  }

  const rate = (tokensPerSecond: number) =>
    t('unit.tokensPerSecond', { n: number(tokensPerSecond, tokensPerSecond < 100 ? 1 : 0) })

  /** Share of one as per cent. */
  const percent = (share: number, digits = 1) =>
    new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: digits }).format(share)

  const date = (epochMs: number) =>
    new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'short' }).format(epochMs)

  return { number, bytes, compact, duration, rate, percent, date }
}
