/** embed.texts: texts to vectors. */
import { type OutputOf, type ParsedInputOf } from '../../shared/contract'
import { type embedTexts as route } from '../../shared/contract/knowledge'
import { type CallRecorder, modelAttributes, step } from '../trace'
import { type EmbeddingSource } from './embedding'

export function embedTexts(
  { embeddings, tracer }: { embeddings: EmbeddingSource; tracer: CallRecorder },
  { model, texts, kind, replayOf }: ParsedInputOf<typeof route>,
  signal: AbortSignal,
): Promise<OutputOf<typeof route>> {
  const attributes = {
    ...modelAttributes(model ?? embeddings.defaultEmbedderId()),
    'moru.embed.texts': texts.length,
    'moru.embed.kind': kind,
    ...(replayOf !== undefined && { 'moru.replay_of': replayOf }),
  }
  const input = () => texts.map((content) => ({ role: 'user' as const, content }))
  return tracer.run('embed', { attributes, input }, async (span) => {
    const held = await step('load', {}, () => embeddings.ensureEmbedder(model, signal))
    try {
      const start = performance.now()
      const vectors = await step('encode', {}, () => held.embedder.embed(texts, { kind, signal }))
      const elapsedMs = performance.now() - start
      const { dim } = held.embedder
      span?.set({ 'gen_ai.embeddings.dimension.count': dim })
      return { dim, embeddings: vectors.map((vector) => Array.from(vector)), elapsedMs }
    } finally {
      held.release()
    }
  })
}
