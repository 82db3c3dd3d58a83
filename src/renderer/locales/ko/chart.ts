export const chart = {
  csv: 'CSV로 저장',
  json: 'JSON으로 저장',
  markdown: 'Markdown으로 저장',
  png: '그림을 PNG로 저장',
  svg: '그림을 SVG로 저장',
  table: '수치를 표로 보기',
}
