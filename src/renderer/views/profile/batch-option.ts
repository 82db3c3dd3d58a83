/** Batches as options of ECharts: throughput against batch size with the model beside it, and against latency. */
import { type EChartsCoreOption } from 'echarts/core'
import { type BatchReport } from '../../../shared/contract/bench'
import { named } from '../../composables/chart-axes'
import { type ChartLook, seriesSymbols } from '../../composables/chart-look'

interface BatchTexts {
  batch: string
  throughput: string
  latency: string
  model: string
  predicted: (batch: number) => string
  knee: (batch: number) => string
  tip: (point: BatchReport['points'][number]) => string
}

/** Tokens a second that the model allows: a step takes the longer of its two parts. */
export const modelRate = (p: BatchReport['points'][number]) => (p.batch * 1e3) / Math.max(p.computeMs, p.transferMs)

const upright = (name: string, at: number, color: string, type: 'dashed' | 'dotted') => ({
  name,
  xAxis: at,
  lineStyle: { color, type, width: 2 },
  label: { formatter: name, color, position: 'insideEndTop' as const, rotate: 90 },
})

export function throughputOption(
  runs: readonly BatchReport[],
  names: readonly string[],
  look: ChartLook,
  texts: BatchTexts,
): EChartsCoreOption {
  const sizes = [...new Set(runs.flatMap((r) => r.points.map((p) => p.batch)))].sort((a, b) => a - b)
  const series = runs.flatMap((run, i) => {
    const color = look.series[i]
    const marks = [upright(texts.predicted(run.predictedBatch), run.predictedBatch, color, 'dotted')]
    if (run.measuredKnee !== null) marks.push(upright(texts.knee(run.measuredKnee), run.measuredKnee, color, 'dashed'))
    return [
      {
        type: 'line',
        name: names[i],
        symbol: seriesSymbols[i],
        symbolSize: 9,
        lineStyle: { color, width: 2 },
        itemStyle: { color },
        data: run.points.map((point) => ({ value: [point.batch, point.tokensPerSecond], point })),
        tooltip: { formatter: (p: unknown) => texts.tip((p as { data: { point: BatchReport['points'][number] } }).data.point) }, // prettier-ignore
        markLine: { symbol: 'none', silent: true, data: marks },
      },
      {
        type: 'line',
        name: `${names[i]} · ${texts.model}`,
        symbol: 'none',
        lineStyle: { color, width: 1.5, type: 'dotted' },
        itemStyle: { color },
        data: run.points.map((point) => [point.batch, modelRate(point)]),
      },
    ]
  })
  return {
    grid: { left: 64, right: 24, top: 56, bottom: 56 },
    legend: { top: 8, type: 'scroll' },
    tooltip: { trigger: 'item' },
    xAxis: { type: 'log', logBase: 2, min: Math.min(...sizes), max: Math.max(...sizes), ...named(texts.batch, 30) },
    yAxis: { type: 'log', ...named(texts.throughput, 44) },
    series,
  }
}

export function latencyOption(
  runs: readonly BatchReport[],
  names: readonly string[],
  look: ChartLook,
  texts: BatchTexts,
): EChartsCoreOption {
  return {
    grid: { left: 64, right: 40, top: 56, bottom: 56 },
    legend: { top: 8 },
    tooltip: { trigger: 'item' },
    xAxis: { type: 'value', min: 0, ...named(texts.latency, 30) },
    yAxis: { type: 'value', min: 0, ...named(texts.throughput, 44) },
    series: runs.map((run, i) => ({
      type: 'line',
      name: names[i],
      symbol: seriesSymbols[i],
      symbolSize: 9,
      lineStyle: { color: look.series[i], width: 2 },
      itemStyle: { color: look.series[i] },
      label: { show: true, position: 'bottom', color: look.muted, formatter: (p: { data: { point: { batch: number } } }) => String(p.data.point.batch) }, // prettier-ignore
      data: run.points.map((point) => ({ value: [point.stepMs, point.tokensPerSecond], point })),
      tooltip: { formatter: (p: unknown) => texts.tip((p as { data: { point: BatchReport['points'][number] } }).data.point) }, // prettier-ignore
    })),
  }
}
