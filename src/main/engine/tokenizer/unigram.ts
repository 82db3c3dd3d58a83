import { MoruError } from '../../../shared/errors'
import { type ByteFallback } from './byte-fallback'
import { type TextModel } from './byte-level-bpe'
import { MergeTable } from './merge'
import { tokenType, type Vocabulary } from './vocabulary'

/** An unknown character costs this much more than the rarest piece. */
const unknownPenalty = 10

/** The unigram language model (arXiv 1804.10959): the segmentation with the highest sum of scores, by Viterbi. */
export class Unigram implements TextModel {
  private readonly scores: Float64Array
  private readonly trie: PieceTrie
  private readonly fallback: ByteFallback
  private readonly normalize: (text: string, first: boolean) => string[]
  private readonly unknownScore: number

  /** `normalize` gives the pieces that are segmented on their own. Throws `invalid_file` on scores that do not fit. */
  constructor(
    vocabulary: Vocabulary,
    scores: ArrayLike<number>,
    where: string,
    normalize: (text: string, first: boolean) => string[],
    fallback: ByteFallback,
  ) {
    if (scores.length !== vocabulary.size)
      throw new MoruError('invalid_file', `${where} lists ${scores.length} scores for ${vocabulary.size} tokens.`)
    this.scores = Float64Array.from(scores)
    this.normalize = normalize
    this.fallback = fallback
    let lowest = 0
    for (let id = 0; id < vocabulary.size; id++) {
      if (!Number.isFinite(this.scores[id]))
        throw new MoruError('invalid_file', `${where}: the score of token ${id} is not a finite number.`)
      if (vocabulary.types[id] === tokenType.normal) lowest = Math.min(lowest, this.scores[id])
    }
    this.unknownScore = lowest - unknownPenalty
    this.trie = new PieceTrie(vocabulary)
  }

  encode(text: string, out: number[], first: boolean): void {
    let unknown = false
    for (const piece of this.normalize(text, first)) unknown = this.encodePiece(piece, out, unknown)
  }

  private encodePiece(piece: string, out: number[], afterUnknown: boolean): boolean {
    const { starts, ids } = this.bestPath(piece)
    const path: number[] = []
    for (let end = piece.length; end > 0; end = starts[end]) path.push(end)
    let unknown = afterUnknown
    for (const end of path.reverse()) {
      if (ids[end] < 0) unknown = this.fallback.append(piece.slice(starts[end], end), out, unknown)
      else {
        out.push(ids[end])
        unknown = false
      }
    }
    return unknown
  }

  /** For every end the start and the token (-1: an unknown character) of the best path's last step. */
  private bestPath(piece: string): { starts: Int32Array; ids: Int32Array } {
    const best = new Float64Array(piece.length + 1).fill(-Infinity)
    const starts = new Int32Array(piece.length + 1)
    const ids = new Int32Array(piece.length + 1).fill(-1)
    best[0] = 0
    const offer = (start: number, end: number, id: number, score: number): void => {
      if (best[start] + score <= best[end]) return
      best[end] = best[start] + score
      starts[end] = start
      ids[end] = id
    }
    for (let start = 0; start < piece.length; start++) {
      if (best[start] === -Infinity) continue
      const character = start + (piece.codePointAt(start)! > 0xffff ? 2 : 1)
      let single = false
      let node = 0
      for (let end = start; end < piece.length;) {
        node = this.trie.child(node, piece.charCodeAt(end++))
        if (node < 0) break
        const id = this.trie.token(node)
        if (id < 0) continue
        offer(start, end, id, this.scores[id])
        if (end === character) single = true
      }
      if (!single) offer(start, character, -1, this.unknownScore)
    }
    return { starts, ids }
  }
}

/** A trie over UTF-16 units in flat arrays: vocabularies of 250,000 pieces have millions of nodes. */
class PieceTrie {
  private readonly edges: MergeTable
  private readonly tokens: Int32Array

  constructor(vocabulary: Vocabulary) {
    const units = vocabulary.tokens.reduce((sum, token) => sum + token.length, 0)
    this.edges = new MergeTable(units)
    this.tokens = new Int32Array(units + 1).fill(-1)
    let nodes = 1
    for (let id = 0; id < vocabulary.size; id++) {
      const type = vocabulary.types[id]
      if (type !== tokenType.normal && type !== tokenType.userDefined) continue
      const token = vocabulary.tokens[id]
      let node = 0
      for (let i = 0; i < token.length; i++) {
        const unit = token.charCodeAt(i)
        let child = this.child(node, unit)
        if (child < 0) this.edges.add(node, unit, (child = nodes++))
        node = child
      }
      this.tokens[node] = id
    }
  }

  child(node: number, unit: number): number {
    const edge = this.edges.find(node, unit)
    return edge < 0 ? -1 : this.edges.result(edge)
  }

  token(node: number): number {
    return this.tokens[node]
  }
}
