/** Sees every typed array, sized array and decoded string that any code of this process makes while it watches. */

const watched = [
  'ArrayBuffer',
  'Uint8Array',
  'Int8Array',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'Array',
] as const
/** Bytes of an element of a plain array: a pointer. */
const pointerBytes = 8

export interface AllocationWatch {
  /** Bytes of the largest allocation since the last call. */
  takeLargest(): number
  stop(): void
}

/**
 * Stands in for the global constructors, so the code under test needs no counters of its own. Only constructions from
 * a length or from other values count; views of existing memory take none.
 */
export function watchAllocations(): AllocationWatch {
  let largest = 0
  const note = (bytes: number): void => {
    largest = Math.max(largest, bytes)
  }
  const globals = globalThis as unknown as Record<
    string,
    new (...args: unknown[]) => { byteLength?: number; length?: number }
  >
  const originals = watched.map((name) => [name, globals[name]] as const)
  for (const [name, original] of originals) {
    globals[name] = new Proxy(original, {
      construct(target, args: unknown[], newTarget) {
        const size = typeof args[0] === 'number' ? args[0] : null
        const bytesEach =
          name === 'Array' ? pointerBytes : ((target as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1)
        // Noted before it is tried: an allocation that fails was still asked for.
        if (size !== null) note(size * bytesEach)
        const made = Reflect.construct(target, args, newTarget) as { byteLength?: number }
        if (size === null && !(args[0] instanceof ArrayBuffer)) note(made.byteLength ?? 0)
        return made
      },
    })
  }
  const decode = TextDecoder.prototype.decode
  TextDecoder.prototype.decode = function (...args): string {
    const text = decode.apply(this, args)
    note([...text.slice(0, 4096)].some((character) => character > '\u00ff') ? 2 * text.length : text.length)
    return text
  }
  return {
    takeLargest() {
      const taken = largest
      largest = 0
      return taken
    },
    stop() {
      for (const [name, original] of originals) globals[name] = original
      TextDecoder.prototype.decode = decode
    },
  }
}
