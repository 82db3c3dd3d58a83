/** The roofline as an option of ECharts. */
import { type EChartsCoreOption } from 'echarts/core'
import { named } from '../../composables/chart-axes'
import { type ChartLook } from '../../composables/chart-look'
import { type Profile } from '../../stores/profiles'
import { boundsOf, type Dot, dotSize, dotsOf, ridgesOf, roofsOf } from './roofline'

interface RooflineTexts {
  intensity: string
  rate: string
  ridge: (intensity: number) => string
  ceiling: (name: string, value: number, unit: string) => string
  phase: (phase: string) => string
  tip: (dot: Dot) => string
}

/** One run, or two over one another: the second's dots are hollow. `names`: what the legend calls the runs. */
export function rooflineOption(
  runs: readonly Profile[],
  names: readonly string[],
  look: ChartLook,
  texts: RooflineTexts,
): EChartsCoreOption {
  const ceilings = runs[0].ceilings
  const bounds = boundsOf(ceilings, runs.flatMap(dotsOf))
  const lines = roofsOf(ceilings, bounds)
  const dots = runs.flatMap((run, i) =>
    (['prefill', 'decode'] as const).map((phase) => ({
      type: 'scatter' as const,
      name: runs.length > 1 ? `${names[i]} · ${texts.phase(phase)}` : texts.phase(phase),
      symbol: phase === 'prefill' ? 'diamond' : 'circle',
      z: 4,
      itemStyle: {
        color: i === 0 ? look.series[phase === 'prefill' ? 0 : 1] : 'transparent',
        borderColor: i === 0 ? look.raised : look.series[phase === 'prefill' ? 2 : 3],
        borderWidth: i === 0 ? 1 : 2.5,
        opacity: 0.9,
      },
      data: dotsOf(run)
        .filter((dot) => dot.kernel.phase === phase)
        .map((dot) => ({
          value: [dot.intensity, dot.rate],
          symbolSize: dotSize(dot.kernel.share),
          name: dot.kernel.name,
          dot,
          run: i,
          label: { show: i === 0 && dot.kernel.share >= 0.04, formatter: dot.kernel.name },
        })),
      label: { position: 'bottom' as const, color: look.muted, fontSize: 11, distance: 4 },
      labelLayout: { hideOverlap: true },
      tooltip: { formatter: (p: unknown) => texts.tip((p as { data: { dot: Dot } }).data.dot) },
    })),
  )
  const roofs = lines.map((roof, i) => ({
    type: 'line' as const,
    name: texts.ceiling(roof.name, roof.value, roof.unit),
    data: roof.line,
    showSymbol: false,
    symbol: 'none',
    z: 2,
    lineStyle: {
      color: roof.kind === 'memory' ? look.series[4] : look.series[5],
      width: 2,
      type: (['solid', 'dashed', 'dotted'] as const)[i % 3],
    },
    itemStyle: { color: roof.kind === 'memory' ? look.series[4] : look.series[5] },
    tooltip: { formatter: texts.ceiling(roof.name, roof.value, roof.unit) },
  }))
  const ridges = {
    type: 'scatter' as const,
    name: texts.ridge(0),
    symbol: 'triangle',
    symbolSize: 9,
    z: 3,
    itemStyle: { color: look.ink },
    data: ridgesOf(ceilings).map((ridge) => ({ value: [ridge.intensity, ridge.rate], ridge })),
    tooltip: {
      formatter: (p: unknown) => texts.ridge((p as { data: { ridge: { intensity: number } } }).data.ridge.intensity),
    },
  }
  return {
    // The legend takes two rows, three with another run.
    grid: { left: 64, right: 24, top: runs.length > 1 ? 108 : 76, bottom: 56 },
    legend: { top: 8, type: 'plain', itemGap: 14 },
    xAxis: { type: 'log', min: bounds.x[0], max: bounds.x[1], ...named(texts.intensity, 30) },
    yAxis: { type: 'log', min: bounds.y[0], max: bounds.y[1], ...named(texts.rate, 44) },
    tooltip: { trigger: 'item' },
    series: [...roofs, ridges, ...dots],
  }
}
