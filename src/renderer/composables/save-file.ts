const types: Record<string, string> = {
  json: 'application/json',
  jsonl: 'application/jsonl',
  csv: 'text/csv',
  svg: 'image/svg+xml',
  md: 'text/markdown',
}

/** Hands a file to the browser to save. */
export function saveBlob(fileName: string, blob: Blob): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

/** Hands a text to the browser as a file to save; its type is that of the name's ending. */
export function saveText(fileName: string, text: string): void {
  const type = types[fileName.slice(fileName.lastIndexOf('.') + 1)] ?? 'text/plain'
  saveBlob(fileName, new Blob([text], { type: `${type};charset=utf-8` }))
}
