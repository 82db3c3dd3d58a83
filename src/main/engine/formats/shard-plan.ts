/** Which tensors go into which shard of a model that is too large for one file. */
import { MoruError } from '../../../shared/errors'
import { mostShards } from './shard-names'

/**
 * Indices of tensors by shard, in order; a shard is closed before the tensor that would carry it over `shardBytes`, so
 * only a single tensor can be larger. Always at least one shard, without tensors where there are none.
 * @throws MoruError invalid_input when there would be more shards than readers open
 */
export function planShards(path: string, sizes: readonly number[], shardBytes = Infinity): number[][] {
  const shards: number[][] = [[]]
  let filled = 0
  sizes.forEach((bytes, i) => {
    if (filled > 0 && filled + bytes > shardBytes) {
      shards.push([])
      filled = 0
    }
    shards.at(-1)!.push(i)
    filled += bytes
  })
  if (shards.length <= mostShards) return shards
  throw new MoruError(
    'invalid_input',
    `${path} would have ${shards.length} shards; at most ${mostShards} can be opened. Choose a larger shard size.`,
  )
}
