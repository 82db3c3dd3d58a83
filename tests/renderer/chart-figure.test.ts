import { TooltipProvider } from 'reka-ui'
import { expect, test, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import ChartFigure from '../../src/renderer/components/chart-figure.vue'
import { toCsv, toMarkdown } from '../../src/renderer/composables/table-text'
import { place } from './mount'

const table = { columns: ['n', 'time "ms"'], rows: [[1, 2.5], [2, null]] } // prettier-ignore

test('a chart is drawn, told in words, and readable as a table', async () => {
  const option = {
    tooltip: {},
    xAxis: { type: 'category', data: ['1', '2'], name: 'n' },
    yAxis: { name: 'ms' },
    series: [{ type: 'bar', data: [2.5, 1] }],
  }
  const props = { title: 'Time', summary: 'One takes 2.5 ms.', option, table, fileName: 'time' }
  const wrapper = place(defineComponent({ setup: () => () => h(TooltipProvider, () => h(ChartFigure, props)) }), {})
  await expect.poll(() => wrapper.find('canvas').exists()).toBe(true)
  expect(wrapper.get('[role="img"]').attributes('aria-label')).toBe('Time')
  expect(wrapper.text()).toContain('One takes 2.5 ms.')
  const saved: Blob[] = []
  const save = vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => (saved.push(blob as Blob), 'blob:test'))
  await wrapper.get('button[aria-label="Save the picture as SVG"]').trigger('click')
  await wrapper.get('button[aria-label="Save the picture as PNG"]').trigger('click')
  save.mockRestore()
  expect(await saved[0].text()).toMatch(/^<svg/)
  expect(new Uint8Array(await saved[1].arrayBuffer()).subarray(1, 4)).toEqual(new TextEncoder().encode('PNG'))
  await wrapper.get('button[aria-label="Show the figures as a table"]').trigger('click')
  expect(wrapper.findAll('tbody tr').map((row) => row.text())).toEqual(['12.5', '2–'])
  wrapper.unmount()
})

test('tables for other programs', () => {
  expect(toCsv(table)).toBe('\ufeffn,"time ""ms"""\r\n1,2.5\r\n2,\r\n')
  expect(toMarkdown({ columns: ['a|b'], rows: [['c']] })).toBe('| a\\|b |\n| --- |\n| c |\n')
})
