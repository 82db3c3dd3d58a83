/** The stage that gives an answer its sources. */
import { type Citation } from '../../../shared/contract/knowledge'
import { languageOf } from '../documents'
import { type AskContext, type AskServices, needed, withEmbedder } from './ask-context'
import { citeAnswer, closestSentence, type Compare } from './citations'
import { aboveBackground, dot, unit } from './known-languages'
import { type Passage } from './passages'

const closest = {
  en: (quote: string) => `Closest in the documents: “${quote}”`,
  other: (quote: string) => `Closest in the documents: “${quote}”`,
  ko: (quote: string) => `문서에서 가장 가까운 구절: “${quote}”`,
}

/** Markers where passages support the answer, marks where none does. */
export async function cite(services: AskServices, context: AskContext): Promise<void> {
  const { passages, style } = needed(context.prompt)
  const compare = context.background === null ? null : compareBy(services, context, context.background)
  const cited = await citeAnswer(context.text, passages, compare)
  // Where the answer rests on nothing, or comes from a model too small to be trusted with it, the documents have a word.
  const doubtful = style === 'plain' || cited.citations.length === 0 || cited.unsupported.length > 0
  if (doubtful) await quoteClosest(context, cited, passages, compare)
  Object.assign(context, cited)
}

/** Adds the sentence of the documents that says most about the question. */
async function quoteClosest(
  context: AskContext,
  cited: { text: string; citations: Citation[] },
  passages: readonly Passage[],
  compare: Compare | null,
): Promise<void> {
  const found = await closestSentence(context.question, passages, compare)
  if (!found || plainText(cited.text).includes(plainText(found.quote))) return
  const added = `${cited.text === '' ? '' : '\n\n'}${closest[languageOf(context.question)](found.quote)} [${found.marker}]`
  context.report({ kind: 'delta', text: added })
  cited.text += added
  const { documentId, chunkId, path, title, place } = passages[found.marker - 1].hit
  if (!cited.citations.some(({ marker }) => marker === found.marker))
    cited.citations.push({ marker: found.marker, documentId, chunkId, path, title, place })
}

/** Without markers, blanks and full stops. */
const plainText = (text: string) => text.replace(/\[\d+\]|[\s.]+/g, '').toLowerCase()

function compareBy(services: AskServices, context: AskContext, background: number): Compare {
  return async (statements, texts) => {
    const all = [...statements, ...texts]
    const vectors = await withEmbedder(services, context, ({ embedder }) =>
      embedder.embed(all, { kind: 'plain', signal: context.signal }),
    )
    const [rows, columns] = [vectors.slice(0, statements.length).map(unit), vectors.slice(statements.length).map(unit)]
    return rows.map((row) => columns.map((column) => aboveBackground(dot(row, column), background)))
  }
}
