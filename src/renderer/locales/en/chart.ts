export const chart = {
  csv: 'Save as CSV',
  json: 'Save as JSON',
  markdown: 'Save as Markdown',
  png: 'Save the picture as PNG',
  svg: 'Save the picture as SVG',
  table: 'Show the figures as a table',
}
