/** What the Quantize view's charts draw, as options for ECharts. Texts come from the caller. */
import { type EChartsCoreOption } from 'echarts/core'
import { named } from '../../composables/chart-axes'
import { divergingColors, seriesDecal, seriesSymbols, sequentialColors } from '../../composables/chart-look'
import { type Histogram } from '../../../shared/contract/quantize'
import { type ResultRow } from './result-rows'

const grid = { left: 64, right: 24, top: 40, bottom: 48 }

/** Size against what was lost, with the front of those that nothing beats in both. All rows have a loss. */
export function paretoOption<R extends Pick<ResultRow, 'name' | 'sizeBytes' | 'loss' | 'best'>>(
  compared: R[],
  words: { size: string; loss: string; front: string; recipes: string },
  tell: (row: R) => string,
): EChartsCoreOption {
  const point = (row: R) => [row.sizeBytes / 1e6, Math.max(row.loss ?? 0, 1e-6), compared.indexOf(row)]
  const front = compared.filter((row) => row.best).sort((a, b) => a.sizeBytes - b.sizeBytes)
  return {
    grid,
    legend: { top: 4, data: [words.recipes, words.front] },
    tooltip: { formatter: (p: { data: number[] }) => tell(compared[p.data[2]]) },
    xAxis: { type: 'value', scale: true, boundaryGap: ['4%', '12%'], ...named(words.size, 28) },
    yAxis: { type: 'log', ...named(words.loss, 48) },
    series: [
      {
        name: words.front,
        type: 'line',
        symbol: 'none',
        lineStyle: { type: 'dashed', width: 1.5 },
        data: front.map(point),
        tooltip: { show: false },
      },
      {
        name: words.recipes,
        type: 'scatter',
        symbolSize: 11,
        data: compared.map((row) => ({ value: point(row), symbol: row.best ? 'diamond' : 'circle' })),
        label: {
          show: compared.length <= 24,
          position: 'right',
          formatter: (p: { data: { value: number[] } }) => compared[p.data.value[2]].name,
        },
        labelLayout: { hideOverlap: true },
      },
    ],
  }
}

export interface HeatCell {
  layer: number
  role: string
  value: number
  name: string
}

export interface HeatScale {
  min: number
  max: number
  /** Decimals. */
  precision: number
  /** Values stand in their cells. */
  labels?: boolean
}

/** Layers x matrices of output error, or of another value with its own scale. */
export function heatOption(
  cells: HeatCell[],
  words: { layer: string; error: string },
  tell: (cell: HeatCell) => string,
  scale?: HeatScale,
): EChartsCoreOption {
  const roles = [...new Set(cells.map((cell) => cell.role))]
  const layers = [...new Set(cells.map((cell) => cell.layer))].sort((a, b) => a - b)
  const values = cells.map((cell) => cell.value)
  return {
    grid: { left: 96, right: 136, top: 12, bottom: 48 },
    tooltip: { formatter: (p: { dataIndex: number }) => tell(cells[p.dataIndex]) },
    xAxis: { type: 'category', data: layers.map(String), ...named(words.layer, 28) },
    yAxis: { type: 'category', data: roles, inverse: true },
    visualMap: {
      min: scale?.min ?? Math.min(0, ...values),
      max: scale?.max ?? Math.max(1e-9, ...values),
      calculable: true,
      right: 8,
      top: 'middle',
      padding: 0,
      itemHeight: 120,
      precision: scale?.precision ?? 3,
      text: [words.error, ''],
      inRange: { color: sequentialColors },
    },
    series: [
      {
        type: 'heatmap',
        data: cells.map((cell) => [layers.indexOf(cell.layer), roles.indexOf(cell.role), cell.value]),
        label: {
          show: scale?.labels ?? false,
          formatter: (p: { dataIndex: number }) => String(cells[p.dataIndex].value),
        },
        emphasis: { itemStyle: { borderColor: '#fff', borderWidth: 2 } },
      },
    ],
  }
}

const centres = ({ from, to, counts }: Histogram) =>
  counts.map((_, i) => from + ((i + 0.5) * (to - from)) / counts.length)

/** One histogram, or several over one another; `levels` are drawn as lines. */
export function histogramOption(
  parts: { name: string; histogram: Histogram }[],
  words: { value: string; count: string },
  levels: number[] = [],
): EChartsCoreOption {
  return {
    grid,
    legend: parts.length > 1 ? { top: 4 } : undefined,
    tooltip: { trigger: 'axis' },
    xAxis: { type: 'value', scale: true, ...named(words.value, 28), axisLabel: { hideOverlap: true } },
    yAxis: { type: 'value', ...named(words.count, 52), min: 0 },
    series: parts.map(({ name, histogram }, i) => ({
      name,
      type: 'line',
      step: 'middle',
      symbol: 'none',
      lineStyle: { width: 1.5, type: i === 0 ? 'solid' : 'dashed' },
      areaStyle: i === 0 ? { opacity: 0.25 } : undefined,
      data: centres(histogram).map((x, k) => [x, histogram.counts[k]]),
      markLine:
        i === 0 && levels.length > 0
          ? { symbol: 'none', silent: true, label: { show: false }, lineStyle: { width: 1 }, data: levels.map((x) => ({ xAxis: x })) }
          : undefined,
    })),
  } // prettier-ignore
}

/** A bar for each value, counted from `first`. */
export function barsOption(
  values: number[],
  words: { index: string; count: string; name: string },
  first = 0,
): EChartsCoreOption {
  return {
    grid,
    tooltip: { trigger: 'axis' },
    xAxis: { type: 'category', data: values.map((_, i) => String(first + i)), ...named(words.index, 28) },
    yAxis: { type: 'value', ...named(words.count, 52) },
    series: [{ name: words.name, type: 'bar', data: values }],
  }
}

/** Largest magnitude of each channel; outliers stand out by shape, size and colour. */
export function channelsOption(
  maxAbs: number[],
  threshold: number,
  words: { channel: string; largest: string; ordinary: string; outlier: string; threshold: string },
): EChartsCoreOption {
  const points = maxAbs.map((v, i) => [i, v])
  return {
    grid,
    legend: { top: 4 },
    tooltip: { formatter: (p: { data: number[] }) => `${words.channel} ${p.data[0]}: ${p.data[1].toPrecision(4)}` },
    dataZoom: [{ type: 'inside', xAxisIndex: 0 }],
    xAxis: { type: 'value', max: maxAbs.length - 1, ...named(words.channel, 28) },
    yAxis: { type: 'value', ...named(words.largest, 48) },
    series: [
      {
        name: words.ordinary,
        type: 'scatter',
        symbolSize: 3,
        symbol: 'circle',
        data: points.filter(([, v]) => v <= threshold),
        markLine: { symbol: 'none', silent: true, label: { formatter: words.threshold }, data: [{ yAxis: threshold }] },
      },
      {
        name: words.outlier,
        type: 'scatter',
        symbolSize: 9,
        symbol: seriesSymbols[2],
        data: points.filter(([, v]) => v > threshold),
      },
    ],
  }
}

/** Two predictions of the same token side by side. */
export function distributionOption(
  tokens: string[],
  series: { name: string; values: number[] }[],
  words: { probability: string },
): EChartsCoreOption {
  return {
    grid: { left: 120, right: 24, top: 32, bottom: 48 },
    legend: { top: 4 },
    tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' } },
    xAxis: { type: 'value', min: 0, max: 1, ...named(words.probability, 28) },
    yAxis: { type: 'category', data: tokens, inverse: true, axisLabel: { width: 100, overflow: 'truncate' } },
    series: series.map(({ name, values }, i) => ({
      name,
      type: 'bar',
      data: values,
      itemStyle: { decal: seriesDecal(i) },
    })),
  }
}

/** Colour of a value between the ends of a scale, as 0xRRGGBB. */
export function colorAt(share: number, diverging: boolean): [number, number, number] {
  const colors = diverging ? divergingColors : sequentialColors
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (colors.length - 1)
  const from = Math.min(colors.length - 2, Math.floor(at))
  const parse = (hex: string) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))
  const [a, b] = [parse(colors[from]), parse(colors[from + 1])]
  return a.map((v, i) => Math.round(v + (b[i] - v) * (at - from))) as [number, number, number]
}
