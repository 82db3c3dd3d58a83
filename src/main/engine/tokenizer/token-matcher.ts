/** Finds control and user-defined tokens in a text: leftmost first, of several the longest; linear in the text. */

export interface MatchedToken {
  id: number
  text: string
  /** Recognised only where control tokens are asked for. */
  control: boolean
  /** Takes the white space before or after it along, as tokenizer.json's added tokens may. */
  stripLeft?: boolean
  stripRight?: boolean
  /** Matches only where no letter, digit or underscore touches it. */
  singleWord?: boolean
}

interface Node {
  next: Map<number, Node>
  token: MatchedToken | null
}

export class TokenMatcher {
  private readonly all: Node
  private readonly plain: Node
  private readonly controls: Node

  constructor(tokens: readonly MatchedToken[]) {
    this.all = trie(tokens)
    this.plain = trie(tokens.filter((token) => !token.control))
    this.controls = trie(tokens.filter((token) => token.control))
  }

  /** The text as plain strings and token ids in turn; no string is empty. */
  split(text: string, control: boolean): (string | number)[] {
    const root = control ? this.all : this.plain
    if (root.next.size === 0) return text === '' ? [] : [text]
    const parts: (string | number)[] = []
    let plainFrom = 0
    let at = 0
    while (at < text.length) {
      const token = longest(root, text, at)
      if (!token) {
        at++
        continue
      }
      let before = text.slice(plainFrom, at)
      if (token.stripLeft) before = before.trimEnd()
      if (before !== '') parts.push(before)
      parts.push(token.id)
      at += token.text.length
      if (token.stripRight) while (at < text.length && /\s/.test(text[at])) at++
      plainFrom = at
    }
    if (plainFrom < text.length) parts.push(text.slice(plainFrom))
    return parts
  }

  /** The text with `mark` inside every control token that occurs in it, so that none is left. */
  breakControls(text: string, mark: string): string {
    let broken = ''
    let from = 0
    for (let at = 0; at < text.length; at++) {
      if (!longest(this.controls, text, at)) continue
      broken += text.slice(from, at + 1) + mark
      from = at + 1
    }
    return broken + text.slice(from)
  }
}

function trie(tokens: readonly MatchedToken[]): Node {
  const root: Node = { next: new Map(), token: null }
  for (const token of tokens) {
    if (token.text === '') continue
    let node = root
    for (let i = 0; i < token.text.length; i++) {
      const unit = token.text.charCodeAt(i)
      let child = node.next.get(unit)
      if (!child) node.next.set(unit, (child = { next: new Map(), token: null }))
      node = child
    }
    node.token ??= token
  }
  return root
}

function longest(root: Node, text: string, start: number): MatchedToken | null {
  let found: MatchedToken | null = null
  let node: Node | undefined = root
  for (let at = start; at < text.length;) {
    node = node.next.get(text.charCodeAt(at))
    if (!node) break
    at++
    if (node.token && !(node.token.singleWord && touchesWord(text, start, at))) found = node.token
  }
  return found
}

function touchesWord(text: string, start: number, end: number): boolean {
  const word = /[\p{L}\p{N}_]/u
  return (start > 0 && word.test(text[start - 1])) || (end < text.length && word.test(text[end]))
}
