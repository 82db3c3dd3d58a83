// @ts-check
/** Everything the scripts say goes to standard error: standard output belongs to the product. */

/** @param {string} text One message of one or more lines, for a person. */
export function say(text) {
  process.stderr.write(`moru: ${text}\n`)
}

/** An end that is explained: the message is all the person sees, without a stack trace. */
export class Stop extends Error {
  /** @param {string} message @param {number} [exitCode] */
  constructor(message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** @param {number} startMs From performance.now(). @returns {string} Seconds since then, as in '1.4 s'. */
export function since(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`
}
