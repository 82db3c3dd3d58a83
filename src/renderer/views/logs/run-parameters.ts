/** Nested parameters as texts by path. */
export function flatParameters(value: unknown, path = ''): Record<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.assign(
      {},
      ...Object.entries(value).map(([name, inner]) => flatParameters(inner, path === '' ? name : `${path}.${name}`)),
    ) as Record<string, string>
  return { [path]: typeof value === 'string' ? value : JSON.stringify(value) }
}
