/** Twin of stream_copy. */
export function streamCopy(x: ArrayLike<number>): number[] {
  return Array.from(x)
}
