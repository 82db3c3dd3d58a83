import { expect, test } from 'vitest'
import { renderBlocks, sanitize } from '../../src/renderer/views/chat/markdown'

const labels = { copy: 'Copy', image: 'Image' }

function render(text: string): HTMLElement {
  const box = document.createElement('div')
  box.innerHTML = renderBlocks(text, labels)
    .map((block) => block.html)
    .join('')
  document.body.append(box)
  return box
}

const attacks = [
  '<script>window.hit = 1</script>',
  '<img src=x onerror="window.hit = 1">',
  '<svg onload="window.hit = 1"></svg>',
  '<svg><animate onbegin="window.hit = 1" attributeName=x dur=1s></svg>',
  '<iframe srcdoc="<script>parent.hit = 1</script>"></iframe>',
  '<a href="javascript:window.hit = 1">x</a>',
  '[x](javascript:window.hit=1)',
  '[x](JaVaScRiPt:window.hit=1)',
  '[x](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuaGl0PTE8L3NjcmlwdD4=)',
  '[x](vbscript:window.hit=1)',
  '![x](javascript:window.hit=1)',
  '![x" onerror="window.hit=1](x)',
  '<https://example.com/"onmouseover="window.hit=1>',
  '```"><img src=x onerror=window.hit=1>\ncode\n```',
  '$\\href{javascript:window.hit=1}{x}$',
  '$\\htmlData{onload=window.hit=1}{x}$',
  '$$\\text{<img src=x onerror=window.hit=1>}$$',
  '<math><mtext><table><mglyph><style><img src=x onerror="window.hit = 1"></style></mglyph></table></mtext></math>',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror="window.hit = 1">',
  '<details open ontoggle="window.hit = 1">x</details>',
  '<style>@import "https://example.com/x.css"</style>',
  '<object data="data:text/html,<script>parent.hit = 1</script>"></object>',
]

function dangers(box: HTMLElement): string[] {
  const found: string[] = []
  for (const element of box.querySelectorAll('*')) {
    if (/^(script|iframe|object|embed|img|style|link|form|base|meta|animate)$/i.test(element.tagName))
      found.push(element.tagName)
    for (const { name, value } of element.attributes) {
      if (/^on|^style$|^srcdoc$/i.test(name)) found.push(name)
      if (/^(href|src|xlink:href|action)$/i.test(name) && !/^(https?:|mailto:|#)/i.test(value))
        found.push(`${name}=${value}`)
    }
  }
  return found
}

test.each(attacks)('nothing runs, loads or styles in %s', async (attack) => {
  const page = window as { hit?: number }
  delete page.hit
  for (const source of [attack, `- ${attack}`, `| a |\n|---|\n| ${attack.replaceAll('\n', ' ')} |`]) {
    const box = render(source)
    expect(dangers(box)).toEqual([])
    box.remove()
  }
  // The sanitizer alone has to hold as well, were Markdown ever to let HTML through.
  const raw = document.createElement('div')
  raw.innerHTML = sanitize(attack)
  document.body.append(raw)
  expect(dangers(raw)).toEqual([])
  await new Promise((resolve) => setTimeout(resolve, 5))
  raw.remove()
  expect(page.hit).toBeUndefined()
})

test('links leave in a window of their own that knows nothing of this one', () => {
  const link = render('[paper](https://arxiv.org/abs/1706.03762) and https://example.com').querySelectorAll('a')
  expect(link.length).toBe(2)
  for (const each of link) {
    expect(each.target).toBe('_blank')
    expect(each.rel).toBe('noopener noreferrer')
  }
})

test('remote images are links, never fetched', () => {
  const box = render('![a cat](https://example.com/cat.png)')
  expect(box.querySelector('img')).toBeNull()
  expect(box.querySelector('a')?.textContent).toBe('Image: a cat')
})

test('maths in all four spellings becomes MathML with the TeX shown once', () => {
  const box = render('a $x^2$ b \\(y_1\\) c\n\n$$\n\\frac{1}{2}\n$$\n\n\\[\n\\sum_i i\n\\]')
  expect(box.querySelectorAll('math').length).toBe(4)
  expect(box.querySelectorAll('math[display="block"]').length).toBe(2)
  expect(box.querySelector('mfrac')).not.toBeNull()
  expect(box.querySelector('annotation')?.checkVisibility()).not.toBe(true)
})

test('prices are not maths', () => {
  expect(render('It costs $5 or $6 a month.').querySelector('math')).toBeNull()
})

test('TeX that is wrong is shown as it was written', () => {
  expect(render('$\\frac{1$').textContent).toContain('\\frac{1')
})

test('tables, lists and code: aligned, coloured by class, with a button to copy', () => {
  const box = render('| a | b |\n|:--|--:|\n| 1 | 2 |\n\n```ts\nconst x = 1\n```')
  expect(box.querySelector('td[data-align="right"]')?.textContent).toBe('2')
  expect(box.querySelector('.hljs-keyword')?.textContent).toBe('const')
  expect(box.querySelector('button[data-copy]')?.textContent).toBe('Copy')
})

test('a growing text keeps the blocks that are done', () => {
  const before = renderBlocks('First.\n\nSec', labels)
  const after = renderBlocks('First.\n\nSecond **word**.', labels, before)
  expect(after[0]).toBe(before[0])
  expect(after[1].html).toContain('<strong>word</strong>')
})

test('a long answer is rendered again within a frame when it grows by a word', () => {
  const text = Array.from({ length: 400 }, (_, i) => `Paragraph ${i} with *some* words and \`code\`.`).join('\n\n')
  const before = renderBlocks(text, labels)
  const started = performance.now()
  renderBlocks(`${text} more`, labels, before)
  expect(performance.now() - started).toBeLessThan(100)
})
