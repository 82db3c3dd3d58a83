/** Tells a model's reasoning from its answer while the text streams in. */

const open = '<think>'
const close = '</think>'
/** White space beside a tag belongs to neither side; more than this is content. */
const longestGap = 64

export interface AnswerPiece {
  kind: 'text' | 'reasoning'
  text: string
}

/**
 * Splits an answer at <think> and </think>. A block opens only at the answer's start or right after another block:
 * later, the tag is something the answer talks about. Tags may be spread over any number of pieces; white space around
 * them is dropped, and all other text comes out unchanged and in order.
 */
export class ReasoningParser {
  private state: 'start' | 'after' | 'reasoning' | 'text'
  /** White space that may precede a tag, and the tag's beginning. */
  private held = ''
  /** Whether the reasoning block has had any content. */
  private begun = false

  /** `startsInReasoning`: the prompt has opened the block already (see opensReasoning). */
  constructor(startsInReasoning = false) {
    this.state = startsInReasoning ? 'reasoning' : 'start'
  }

  push(piece: string): AnswerPiece[] {
    const out: AnswerPiece[] = []
    let data = this.held + piece
    this.held = ''
    while (data !== '') data = this.state === 'text' ? this.emit(out, 'text', data) : this.step(data, out)
    return out
  }

  /** What was held back, as content of the part it stands in. */
  flush(): AnswerPiece[] {
    const out: AnswerPiece[] = []
    const rest = this.held
    this.held = ''
    if (this.state === 'reasoning') this.emit(out, 'reasoning', this.begun ? rest : rest.trimStart())
    else this.emit(out, 'text', this.state === 'after' ? rest.trimStart() : rest)
    return out
  }

  /** Takes from the data's start what is certain; returns what is left to look at. */
  private step(data: string, out: AnswerPiece[]): string {
    if (this.state === 'reasoning') return this.reason(data, out)
    const content = data.trimStart()
    if (content.startsWith(open)) {
      this.state = 'reasoning'
      this.begun = false
      return content.slice(open.length)
    }
    if (open.startsWith(content) && data.length - content.length <= longestGap) {
      this.held = data
      return ''
    }
    const dropsGap = this.state === 'after'
    this.state = 'text'
    return dropsGap ? content : data
  }

  private reason(data: string, out: AnswerPiece[]): string {
    const content = this.begun ? data : data.trimStart()
    const end = content.indexOf(close)
    if (end >= 0) {
      this.emit(out, 'reasoning', content.slice(0, end).trimEnd())
      this.state = 'after'
      return content.slice(end + close.length)
    }
    const certain = certainLength(content)
    this.emit(out, 'reasoning', content.slice(0, certain))
    if (certain > 0) this.begun = true
    this.held = content.slice(certain)
    return ''
  }

  private emit(out: AnswerPiece[], kind: AnswerPiece['kind'], text: string): '' {
    if (text !== '') out.push({ kind, text })
    return ''
  }
}

/** How much of the text cannot be the white space before a closing tag, or a part of it. */
function certainLength(text: string): number {
  let end = text.length
  for (let length = Math.min(close.length - 1, text.length); length > 0; length--)
    if (close.startsWith(text.slice(text.length - length))) {
      end = text.length - length
      break
    }
  let gap = end
  while (gap > 0 && end - gap < longestGap && /\s/.test(text[gap - 1])) gap--
  return gap
}

/** Whether a chat template lets its caller choose if the model reasons first (Qwen 3 and others that took over its variable). */
export function switchesReasoning(template: string): boolean {
  return template.includes('enable_thinking')
}

/** Whether a rendered prompt ends inside a think block, so that the answer begins in the reasoning. */
export function opensReasoning(prompt: string): boolean {
  return prompt.trimEnd().endsWith(open)
}
