/** 'model-00001-of-00004.gguf' and its like: a file of several that only make sense together. */
const shard = /^(.*)-\d{5}-of-(\d{5})(\.[a-z]+)$/

/** The file and, where it is one shard of several, all of them in `paths`. */
export function withShards(path: string, paths: readonly string[]): string[] {
  const mine = shard.exec(path)
  if (!mine) return [path]
  return paths.filter((other) => {
    const its = shard.exec(other)
    return its && its[1] === mine[1] && its[2] === mine[2] && its[3] === mine[3]
  })
}
