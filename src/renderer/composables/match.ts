/** Whether every word of `query` is in `text`, case and form of writing (NFC, NFKC) aside. An empty query is in any. */
export function matches(query: string, text: string): boolean {
  const plain = (value: string) => value.normalize('NFKC').toLocaleLowerCase()
  const searched = plain(text)
  return plain(query)
    .split(/\s+/)
    .every((word) => searched.includes(word))
}
