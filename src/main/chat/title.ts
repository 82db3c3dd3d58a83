const longest = 60

/** A conversation's title from its first question: one line of at most 60 characters, cut between words where it can be. */
export function titleFrom(question: string): string {
  const line = question.replace(/\s+/g, ' ').trim()
  // Characters as people see them: no emoji or accented letter is cut in two.
  const characters = [...new Intl.Segmenter().segment(line)].map((s) => s.segment)
  if (characters.length <= longest) return line
  const cut = characters.slice(0, longest - 1)
  // The cut falls between two words when the next character is the space itself.
  const border = characters[longest - 1] === ' ' ? cut.length : cut.lastIndexOf(' ')
  return `${cut.slice(0, border > longest / 3 ? border : cut.length).join('')}…`
}
