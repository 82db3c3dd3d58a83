/** A policy's requests as lanes: waiting, prefill, decode, and the slot that is held for nothing. */
import type { CustomSeriesOption } from 'echarts/charts'
import { type EChartsCoreOption } from 'echarts/core'
import { type ScheduleReport } from '../../../shared/contract/profiler'
import { named } from '../../composables/chart-axes'
import { type ChartLook } from '../../composables/chart-look'

export const laneParts = ['waiting', 'prefill', 'decode', 'idle'] as const
type LanePart = (typeof laneParts)[number]
type Policy = ScheduleReport['policies'][number]
type Lane = Policy['lanes'][number]

export function spanOf(lane: Lane, part: LanePart): [number, number] {
  if (part === 'waiting') return [lane.arrivedMs, lane.startedMs]
  if (part === 'prefill') return [lane.startedMs, lane.firstTokenMs]
  return part === 'decode' ? [lane.firstTokenMs, lane.endedMs] : [lane.endedMs, lane.freedMs]
}

interface ScheduleTexts {
  time: string
  request: string
  part: (part: LanePart) => string
  tip: (lane: Lane, number: number, part: LanePart, ms: number) => string
}

/** Heights of the parts: they are told by their shape as well as by their colour. */
const heights: Record<LanePart, number> = { waiting: 0.16, prefill: 0.8, decode: 0.6, idle: 0.8 }

export function scheduleOption(
  policy: Policy,
  untilMs: number,
  look: ChartLook,
  texts: ScheduleTexts,
): EChartsCoreOption {
  const colors: Record<LanePart, string> = { waiting: look.muted, prefill: look.series[0], decode: look.series[2], idle: look.series[1] } // prettier-ignore
  return {
    grid: { left: 56, right: 20, top: 44, bottom: 52 },
    legend: { top: 6 },
    tooltip: { trigger: 'item' },
    xAxis: { type: 'value', min: 0, max: Math.ceil(untilMs / 100) * 100, ...named(texts.time, 28) },
    yAxis: {
      type: 'category',
      inverse: true,
      data: policy.lanes.map((_, i) => String(i + 1)),
      ...named(texts.request, 34),
    },
    series: laneParts.map((part) => ({
      type: 'custom',
      name: texts.part(part),
      itemStyle: { color: colors[part] },
      renderItem: bar(heights[part], part === 'idle', look),
      encode: { x: [0, 1], y: 2 },
      data: policy.lanes.map((lane, i) => ({ value: [...spanOf(lane, part), i], lane })),
      tooltip: {
        formatter: (p: unknown) => {
          const { lane, value } = (p as { data: { lane: Lane; value: number[] } }).data
          return texts.tip(lane, value[2] + 1, part, value[1] - value[0])
        },
      },
    })),
  }
}

function bar(height: number, hollow: boolean, look: ChartLook): NonNullable<CustomSeriesOption['renderItem']> {
  return (_params, api) => {
    const [x, y] = api.coord([api.value(0), api.value(2)])
    const [right] = api.coord([api.value(1), api.value(2)])
    if (right - x < 0.2) return null
    const own = (api.size!([0, 1]) as number[])[1] * height
    const color = api.visual('color') as string
    // Waste is hatched by its outline: empty, with a coloured edge.
    const style = hollow ? { fill: look.raised, stroke: color, lineWidth: 2, lineDash: [4, 3] } : { fill: color }
    return { type: 'rect', shape: { x, y: y - own / 2, width: right - x, height: own }, style }
  }
}
