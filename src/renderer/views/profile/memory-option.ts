/** What holds memory over time, as stacked areas. */
import { type EChartsCoreOption } from 'echarts/core'
import { type MemorySample } from '../../../shared/contract/profiler'
import { named } from '../../composables/chart-axes'
import { type ChartLook } from '../../composables/chart-look'

export const memoryParts = ['weights', 'kvUsed', 'kvShared', 'kvKept', 'kvFree', 'workspace', 'other', 'vectors', 'database'] as const // prettier-ignore
export type MemoryPart = (typeof memoryParts)[number]
export const bytesOf = (sample: MemorySample, part: MemoryPart): number => sample[`${part}Bytes`]

export function memoryOption(
  samples: readonly MemorySample[],
  now: number,
  look: ChartLook,
  texts: { time: string; size: string; part: (part: MemoryPart) => string; bytes: (bytes: number) => string },
): EChartsCoreOption {
  // A sample holds until the next one: the last one until now.
  const points = [...samples, { ...samples[samples.length - 1], at: Math.max(now, samples[samples.length - 1].at + 1) }]
  return {
    grid: { left: 72, right: 20, top: 64, bottom: 52 },
    legend: { top: 6 },
    tooltip: { trigger: 'axis', valueFormatter: (value: unknown) => texts.bytes(Number(value) * 1e6) },
    xAxis: { type: 'time', ...named(texts.time, 28) },
    yAxis: { type: 'value', min: 0, ...named(texts.size, 52) },
    series: memoryParts.map((part, i) => ({
      type: 'line',
      name: texts.part(part),
      stack: 'memory',
      step: 'end',
      symbol: 'none',
      lineStyle: { width: 1, color: look.series[i % look.series.length] },
      itemStyle: { color: look.series[i % look.series.length] },
      areaStyle: { opacity: i < look.series.length ? 0.75 : 0.35 },
      data: points.map((sample) => [sample.at, bytesOf(sample, part) / 1e6]),
    })),
  }
}
