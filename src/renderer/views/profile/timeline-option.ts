/** A timeline as an option of ECharts: a row a lane, a box an event, zoomed and moved by wheel, drag and slider. */
import type { CustomSeriesOption } from 'echarts/charts'
import { type Timeline } from '../../../shared/contract/profiler'
import { type EChartsCoreOption } from 'echarts/core'
import { named } from '../../composables/chart-axes'
import { type ChartLook } from '../../composables/chart-look'

export const rows = ['steps', 'host', 'submit', 'gpu'] as const
type Row = (typeof rows)[number]

interface Box {
  row: Row
  name: string
  beginMs: number
  elapsedMs: number
  scope: string
  step: number
}

interface TimelineTexts {
  row: (row: Row) => string
  name: (name: string) => string
  time: string
  lane: string
  others: string
  tip: (box: Box) => string
}

/** Kernels with colours of their own: the longest; the others share one. */
const coloured = 5

export function boxesOf({ steps, events }: Timeline): Box[] {
  return [
    ...steps.map((s, step) => ({ row: 'steps' as const, name: s.phase, beginMs: s.beginMs, elapsedMs: s.elapsedMs, scope: '', step })), // prettier-ignore
    ...events.map(({ lane, ...event }) => ({ row: lane, ...event })),
  ]
}

/** Names by the time they took in all, the longest first. */
export function namesByTime(boxes: readonly Box[], row: Row): { name: string; count: number; elapsedMs: number }[] {
  const sums = new Map<string, { name: string; count: number; elapsedMs: number }>()
  for (const box of boxes) {
    if (box.row !== row) continue
    const sum = sums.get(box.name) ?? { name: box.name, count: 0, elapsedMs: 0 }
    sum.count++
    sum.elapsedMs += box.elapsedMs
    sums.set(box.name, sum)
  }
  return [...sums.values()].sort((a, b) => b.elapsedMs - a.elapsedMs)
}

/** `span`: what is seen first, in milliseconds. */
export function timelineOption(
  timeline: Timeline,
  span: [number, number],
  look: ChartLook,
  texts: TimelineTexts,
): EChartsCoreOption {
  const boxes = boxesOf(timeline)
  const long = namesByTime(boxes, 'gpu')
    .slice(0, coloured)
    .map((k) => k.name)
  const groups = new Map<string, Box[]>([...long.map((name): [string, Box[]] => [name, []]), [texts.others, []]])
  const host = texts.row('host')
  groups.set(host, [])
  for (const box of boxes) groups.get(box.row !== 'gpu' ? host : long.includes(box.name) ? box.name : texts.others)!.push(box) // prettier-ignore
  const series = [...groups].map(([name, own], i) => ({
    type: 'custom' as const,
    name,
    renderItem: drawBox(own, look, texts),
    itemStyle: { color: look.series[i % look.series.length] },
    encode: { x: [0, 1], y: 2 },
    data: own.map((box) => ({ value: [box.beginMs, box.beginMs + box.elapsedMs, rows.indexOf(box.row)], name: texts.name(box.name), box })), // prettier-ignore
    tooltip: { formatter: (p: unknown) => texts.tip((p as { data: { box: Box } }).data.box) },
    clip: true,
  }))
  return {
    animation: false,
    grid: { left: 100, right: 20, top: 44, bottom: 92 },
    legend: { top: 8, type: 'scroll' },
    tooltip: { trigger: 'item' },
    xAxis: {
      type: 'value',
      min: 0,
      max: 'dataMax',
      axisLabel: { formatter: (at: number) => String(Number(at.toFixed(2))), showMinLabel: false, showMaxLabel: false },
      ...named(texts.time, 28),
    },
    yAxis: { type: 'category', inverse: true, data: rows.map(texts.row), splitLine: { show: true }, ...named(texts.lane, 76) }, // prettier-ignore
    dataZoom: [
      { type: 'inside', filterMode: 'weakFilter', startValue: span[0], endValue: span[1] },
      { type: 'slider', filterMode: 'weakFilter', startValue: span[0], endValue: span[1], height: 20, bottom: 16, textStyle: { color: look.muted }, borderColor: look.line, labelFormatter: (v: number) => v.toFixed(1) }, // prettier-ignore
    ],
    series,
  }
}

type CustomSeriesRenderItem = NonNullable<CustomSeriesOption['renderItem']>

/** Boxes narrower than this are still drawn so wide. */
const leastPixels = 1
const labelPixels = 46

function drawBox(boxes: readonly Box[], look: ChartLook, texts: TimelineTexts): CustomSeriesRenderItem {
  return (params, api) => {
    const [x, y] = api.coord([api.value(0), api.value(2)])
    const [right] = api.coord([api.value(1), api.value(2)])
    const height = Math.min(36, (api.size!([0, 1]) as number[])[1] * 0.7)
    const area = params.coordSys as unknown as { x: number; width: number }
    const left = Math.max(x, area.x)
    const width = Math.min(right, area.x + area.width) - left
    if (width < 0) return null
    const shape = { x: left, y: y - height / 2, width: Math.max(leastPixels, width), height }
    const name = texts.name(boxes[params.dataIndex].name)
    return {
      type: 'rect',
      shape,
      style: { fill: api.visual('color') as string, stroke: look.raised, lineWidth: width > 4 ? 0.5 : 0 },
      ...(width > labelPixels && name
        ? { textContent: { type: 'text' as const, style: { text: name, fill: look.raised, fontSize: 11, width: width - 8, overflow: 'truncate' as const } }, textConfig: { position: 'inside' as const } } // prettier-ignore
        : {}),
    }
  }
}
