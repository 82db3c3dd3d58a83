import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Block, DocumentParser, type ParsedDocument, sourceRange } from '../../../../src/main/rag/documents'

const fixtures = join(import.meta.dirname, '../../../fixtures/documents/files')
const parser = new DocumentParser()
afterAll(() => parser.close())

const parse = (name: string) => parser.parseDocument({ path: join(fixtures, name) })
const textOf = ({ text }: ParsedDocument, { start, end }: Block) => text.slice(start, end)
/** Blocks as "kind level@page: text". */
const outline = (document: ParsedDocument) =>
  document.blocks.map((block) => {
    const level = block.level ? ` ${block.level}` : ''
    return `${block.kind}${level}${block.page ? `@${block.page}` : ''}: ${textOf(document, block)}`
  })

const korean = [
  '모루는 대장장이가 쇠를 올려놓고 두드리는 받침이다.',
  '달군 쇠는 900도에서 1,200도 사이에서 가장 잘 늘어난다.',
  '한 번에 0.5cm씩 두드리며, 색이 어두워지면 다시 불에 넣는다.',
]
const rows = ['망치 | 1.5kg | 두드리기', '집게 | 0.8kg | 잡기', '풀무 | 12kg | 바람 넣기']
const table = (page = '') => [
  `table_header${page}: 도구 | 무게 | 쓰임`,
  ...rows.map((row) => `table_row${page}: ${row}`),
]

test('every format gives blocks in order, title, type and language', async () => {
  const expected: [string, string, string, string][] = [
    ['korean.txt', 'korean', 'text', 'ko'],
    ['english.txt', 'english', 'text', 'en'],
    ['guide.md', '대장간 안내서', 'markdown', 'ko'],
    ['page.html', '대장간 안내서', 'html', 'ko'],
    ['tools.csv', 'tools', 'csv', 'ko'],
    ['catalogue.json', '대장간 목록', 'json', 'ko'],
    ['records.jsonl', 'records', 'jsonl', 'ko'],
    ['strike.py', 'strike', 'code', 'en'],
    ['guide.pdf', '대장간 안내', 'pdf', 'ko'],
    ['guide.docx', '대장간 안내서', 'docx', 'ko'],
    ['guide.pptx', '대장간', 'pptx', 'ko'],
    ['tools.xlsx', 'tools', 'xlsx', 'ko'],
    ['guide.epub', '대장간 이야기', 'epub', 'ko'],
    ['guide.hwpx', '대장간 안내서', 'hwpx', 'ko'],
    ['guide.hwp', 'guide', 'hwp', 'ko'],
  ]
  for (const [name, title, type, language] of expected) {
    const document = await parse(name)
    expect(document, name).toMatchObject({ title, type, language, warnings: [] })
    expect(document.text.normalize('NFC')).toBe(document.text)
    let at = 0
    for (const block of document.blocks) {
      expect(block.start, name).toBeGreaterThanOrEqual(at)
      expect(textOf(document, block).trim(), name).not.toBe('')
      at = block.end
    }
  }
})

test('Word: headings, lists and tables', async () => {
  expect(outline(await parse('guide.docx'))).toEqual([
    'heading 1: 대장간 안내서',
    `paragraph: ${korean.join(' ')}`,
    'heading 2: 도구',
    'list_item: 망치는 두드린다.',
    'list_item: 집게는 잡는다.',
    ...table(),
  ])
})

test('PowerPoint: slides in the order of the show, with tables and notes', async () => {
  const document = await parse('guide.pptx')
  expect(outline(document)).toEqual([
    'heading 1@1: 대장간',
    ...korean.map((text) => `paragraph@1: ${text}`),
    'paragraph@1: 천천히 말한다.',
    'heading 1@2: Tools',
    'paragraph@2: An anvil is the block on which a smith shapes hot iron.',
    ...table('@2'),
  ])
})

test('Excel: a sheet a page under its name', async () => {
  const lines = outline(await parse('tools.xlsx'))
  expect(lines.slice(0, 5)).toEqual(['heading 2@1: 도구', ...table('@1')])
  expect(lines.slice(5)).toEqual([
    'heading 2@2: Prices',
    'table_header@2: name | price',
    'table_row@2: hammer | 12000',
    'table_row@2: tongs | 8000.5',
  ])
})

test('PDF: Korean through its own map, headings by size, pages, words divided at line ends', async () => {
  expect(outline(await parse('guide.pdf'))).toEqual([
    'heading 1@1: 대장간 안내서',
    `paragraph@1: ${korean[0]} ${korean[1]}`,
    'heading 2@1: Tools',
    'paragraph@1: An anvil is the block on which a smith shapes hot iron.',
    'heading 1@2: 둘째 쪽',
    `paragraph@2: ${korean[2]}`,
    'paragraph@2: Iron moves best when its temperature is high.',
  ])
})

test('PDF: Korean in a font that names only the standard map of CP949', async () => {
  expect((await parse('old-korean.pdf')).text).toBe(korean[0])
})

test('EPUB, HWPX and HWP', async () => {
  expect(outline(await parse('guide.epub')).slice(0, 3)).toEqual([
    'heading 1: 첫째 장',
    `paragraph: ${korean.join(' ')}`,
    'heading 1: Chapter two',
  ])
  const paragraphs = ['대장간 안내서', ...korean].map((text) => `paragraph: ${text}`)
  expect(outline(await parse('guide.hwpx'))).toEqual([...paragraphs, ...table()])
  expect(outline(await parse('guide.hwp'))).toEqual(paragraphs)
})

test('HTML: the main part alone, in either encoding', async () => {
  const utf8 = await parse('page.html')
  expect(outline(utf8)).toEqual([
    'heading 1: 대장간',
    `paragraph: ${korean.join(' ')}`,
    'heading 2: Tools',
    'list_item: 망치',
    'list_item: 집게',
    'table_header: 도구 | 무게',
    'table_row: 망치 | 1.5kg',
    'code: strike(  2 )',
  ])
  expect((await parse('page-euckr.html')).text).toBe(utf8.text)
})

test('Markdown and code keep their source', async () => {
  const document = await parse('guide.md')
  expect(document.text).toBe(readFileSync(join(fixtures, 'guide.md'), 'utf8'))
  expect(document.blocks.map(({ kind }) => kind)).toEqual(
    'heading paragraph heading list_item list_item table_header table_row table_row code heading paragraph'.split(' '),
  )
  expect((await parse('strike.py')).blocks).toHaveLength(3)
})

test('JSON: a record a block, escapes undone; JSON lines lead back to their lines', async () => {
  expect(outline(await parse('catalogue.json'))).toEqual([
    'paragraph: title: 대장간 목록',
    'paragraph: tools.name: 망치\ntools.weight: 1.5',
    'paragraph: tools.name: 집게\ntools.tags: 잡기, grip',
  ])
  const lines = await parse('records.jsonl')
  const source = readFileSync(join(fixtures, 'records.jsonl'), 'utf8')
  lines.blocks.forEach((block, i) => {
    expect(textOf(lines, block)).toBe(`id: ${i}\ntext: ${korean[i]}`)
    const { start } = sourceRange(lines.sourceMap!, block.start, block.end)
    expect(source.slice(start)).toMatch(new RegExp(`^\\{"id":${i},`))
  })
})

test('CSV: rows lead back to their lines, whatever the encoding', async () => {
  for (const name of ['tools.csv', 'tools-cp949.csv']) {
    const document = await parse(name)
    expect(outline(document), name).toEqual(table())
    const source = new TextDecoder().decode(readFileSync(join(fixtures, 'tools.csv')))
    for (const block of document.blocks) {
      const { start } = sourceRange(document.sourceMap!, block.start, block.end)
      expect(source.slice(start, start + 2)).toBe(textOf(document, block).slice(0, 2))
    }
  }
})

test('a table whose quotes never close is read as text, with a word about it', async () => {
  const { text, warnings } = await parser.parseDocument({
    bytes: Buffer.from('이름,값\n"망치,1\n집게,2\n'),
    name: 'a.csv',
  })
  expect(text).toContain('집게,2')
  expect(warnings.join()).toContain('plain text')
})

test('encodings of plain text', async () => {
  expect((await parse('korean-cp949.txt')).text).toBe(`${korean.join('\n')}\n똠방각하 펲시콜라 햏\n`)
  expect((await parse('korean-utf16.txt')).text).toBe(korean.join('\n'))
  const without = Buffer.from(korean.join('\n'), 'utf16le')
  expect((await parser.parseDocument({ bytes: without, name: 'a.txt' })).text).toBe(korean.join('\n'))
  const western = Buffer.from('Le café était fermé, hélas. Où sont passés les élèves du collège ?', 'latin1')
  expect((await parser.parseDocument({ bytes: western, name: 'a.txt' })).text).toContain('Le café était fermé')
})

test('the content decides before the name does', async () => {
  const renamed = async (name: string, as: string) =>
    (await parser.parseDocument({ bytes: readFileSync(join(fixtures, name)), name: as })).type
  expect(await renamed('guide.docx', 'report.txt')).toBe('docx')
  expect(await renamed('page.html', 'page.txt')).toBe('html')
  expect(await renamed('guide.pdf', 'guide')).toBe('pdf')
  expect(await renamed('records.jsonl', 'records')).toBe('jsonl')
  expect(await renamed('catalogue.json', 'catalogue')).toBe('json')
})

test('an empty file is read, with a word about it', async () => {
  const { text, blocks, warnings } = await parser.parseDocument({ bytes: new Uint8Array(), name: '빈 글.txt' })
  expect({ text, blocks, warnings }).toEqual({ text: '', blocks: [], warnings: ['It holds no text.'] })
})
