/** Hands a text to the browser as a file to save. */
export function saveText(fileName: string, text: string): void {
  const type = fileName.endsWith('.json') ? 'application/json' : 'text/markdown'
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
