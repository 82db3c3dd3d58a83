// @ts-check
/** The last line of a test run, counted from Vitest's JSON report. */

/**
 * @param {any} report As Vitest's json reporter writes it; null where there is none.
 * @param {number} status Vitest's exit code.
 * @returns {{ line: string, ok: boolean }} ok: something was tested, and nothing failed.
 */
export function closingLine(report, status) {
  const passed = report?.numPassedTests ?? 0
  // A file that cannot be loaded has no tests to fail: it counts as one.
  const unloaded = (report?.testResults ?? []).filter(
    (/** @type {any} */ file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
  const failed = Math.max((report?.numFailedTests ?? 0) + unloaded, status === 0 ? 0 : 1)
  const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  return {
    line: `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    ok: status === 0 && failed === 0 && passed > 0,
  }
}
