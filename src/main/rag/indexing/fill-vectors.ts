/** Gives chunks their vectors: those of long documents after they were stored, and all of a collection whose model changes. */
import { throwIfCancelled } from '../../../shared/errors'
import { type Store, type StoredChunk } from '../../store'
import { type HeldEmbedder } from '../embedding'

/** Chunks that are embedded and stored at a time: less is lost to a crash, more is faster. */
const portion = 32

/**
 * Embeds what lacks a vector of a model, in the order of the chunks; each portion is stored in one transaction, so that
 * a later call goes on where this one ended.
 * @returns how many chunks got a vector. @throws cancelled and what embedding throws.
 */
export async function fillVectors(
  store: Store,
  collectionSeq: number,
  modelSeq: number,
  { embedder }: HeldEmbedder,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<number> {
  let done = 0
  let after = 0
  for (;;) {
    throwIfCancelled(signal)
    const chunks: StoredChunk[] = store.chunks.lackingVector(collectionSeq, modelSeq, after, portion)
    if (chunks.length === 0) return done
    const vectors = await embedder.embed(
      chunks.map((chunk) => chunk.text),
      { kind: 'passage', signal },
    )
    throwIfCancelled(signal)
    store.transaction(() => {
      // A chunk may have gone while it was embedded.
      chunks.forEach((chunk, i) => {
        if (store.chunks.find(chunk.seq)) store.vectors.save(collectionSeq, chunk.seq, modelSeq, vectors[i])
      })
      store.vectors.published(collectionSeq)
    })
    after = chunks.at(-1)!.seq
    done += chunks.length
    onProgress(done)
  }
}
