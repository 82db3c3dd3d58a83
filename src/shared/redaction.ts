/** What is taken out of traces, runs and logs unless the person says otherwise: keys and tokens by their shapes. */
export const defaultRedactions: readonly string[] = [
  // Hugging Face, OpenAI and Anthropic, GitHub, GitLab, Slack, AWS, Google.
  'hf_[A-Za-z0-9]{16,}',
  'sk-[A-Za-z0-9_-]{16,}',
  'gh[pousr]_[A-Za-z0-9]{20,}',
  'github_pat_[A-Za-z0-9_]{20,}',
  'glpat-[A-Za-z0-9_-]{16,}',
  'xox[abeoprs]-[A-Za-z0-9-]{10,}',
  'A[KS]IA[0-9A-Z]{16}',
  'AIza[0-9A-Za-z_-]{30,}',
  // HTTP authorization, JSON web tokens, private keys.
  '[Bb]earer +[A-Za-z0-9._~+/=-]{8,}',
  'eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}',
  '-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----',
  // Korean resident registration numbers.
  '(?<!\\d)\\d{2}[01]\\d[0-3]\\d-[1-8]\\d{6}(?!\\d)',
]

export const redacted = '[redacted]'

/** Whether `source` is a regular expression as redaction uses them, and one that does not match the empty text. */
export function isPattern(source: string): boolean {
  try {
    return !new RegExp(source, 'u').test('')
  } catch {
    return false
  }
}

/** Replaces what the patterns match, and the secrets themselves. Patterns that are none are left out. */
export function redactor(patterns: readonly string[], secrets: readonly string[] = []): (text: string) => string {
  const expressions = patterns.filter(isPattern).map((source) => new RegExp(source, 'gu'))
  return (text) => {
    let clean = text
    for (const secret of secrets) clean = clean.replaceAll(secret, redacted)
    for (const expression of expressions) clean = clean.replace(expression, redacted)
    return clean
  }
}
