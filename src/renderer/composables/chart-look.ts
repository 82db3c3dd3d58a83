/** What charts are drawn with: the window's colours as plain values, since canvas knows no custom properties. */
import { useMediaQuery, useMutationObserver } from '@vueuse/core'
import { computed, ref } from 'vue'

/** Told apart with any colour vision (Okabe & Ito, Color Universal Design, 2008), lightened on dark pages. */
const seriesColors = {
  light: ['#0072b2', '#d55e00', '#008060', '#b0568f', '#9a6700', '#3a8fc4', '#5a5a5a'],
  dark: ['#56b4e9', '#f0853a', '#2fbf93', '#e29ac5', '#e6b23c', '#9ecbf0', '#b8b8b8'],
}
/** Shapes beside the colours: no series is told by its colour alone. */
export const seriesSymbols = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin', 'arrow']
/** Patterns of bars that stand beside one another, for the same reason. */
export const seriesDecal = (i: number) => ({
  symbol: ['none', 'rect', 'circle', 'triangle'][i % 4],
  symbolSize: 0.6,
  color: 'rgba(0,0,0,0.28)',
})

/** From few to much. Perceptually even: cividis (Nuñez, Anderton & Renslow, PLOS ONE 2018), at nine points. */
export const sequentialColors = ['#00224e', '#1a386f', '#434e6c', '#61656f', '#7d7c78', '#9b9476', '#bcae6c', '#dfc85a', '#fee838'] // prettier-ignore
/** From negative over zero to positive. */
export const divergingColors = ['#2166ac', '#67a9cf', '#d1e5f0', '#f7f7f7', '#fddbc7', '#ef8a62', '#b2182b']

export interface ChartLook {
  ink: string
  muted: string
  line: string
  raised: string
  series: string[]
  fontFamily: string
}

export function useChartLook() {
  // `applyTheme` leaves the choice there; without one the system decides.
  const page = document.documentElement
  const chosen = ref(page.dataset.theme)
  useMutationObserver(page, () => (chosen.value = page.dataset.theme), { attributeFilter: ['data-theme'] })
  const systemDark = useMediaQuery('(prefers-color-scheme: dark)')
  return computed<ChartLook>(() => {
    const dark = chosen.value === undefined ? systemDark.value : chosen.value === 'dark'
    const color = resolver()
    const look = {
      ink: color('--color-ink'),
      muted: color('--color-muted'),
      line: color('--color-line'),
      raised: color('--color-raised'),
      series: seriesColors[dark ? 'dark' : 'light'],
      fontFamily: getComputedStyle(document.body).fontFamily,
    }
    color.done()
    return look
  })
}

/** Custom properties as the page computes them, light-dark() and all. */
function resolver() {
  const probe = document.createElement('span')
  // With a transition, however short, a colour is read as it was before.
  probe.style.setProperty('transition', 'none', 'important')
  document.body.append(probe)
  const read = (name: string) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  return Object.assign(read, { done: () => probe.remove() })
}
