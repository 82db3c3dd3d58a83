import iconv from 'iconv-lite'

/**
 * Gives PDF.js the character maps that PDF names without embedding them (ISO 32000-1, table 118), for Korean above all:
 * older Korean PDFs say KSCms-UHC-H and embed no font. The real maps lead from code to glyph number (CID) and from there
 * to Unicode; text alone is wanted here, so the number of a glyph is its Unicode value, and the way back changes nothing.
 */
export class TextCMaps {
  #ours = false

  /** Called by PDF.js with the bytes' kind and name; rejects for what there is no map for, which PDF.js can bear. */
  async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
    const map = kind === 'cMapUrl' ? this.#map(filename) : null
    if (map === null) throw new Error(`no ${filename}`)
    return Buffer.from(map, 'latin1')
  }

  #map(name: string): string | null {
    const vertical = name.endsWith('-V')
    if (/^KSC.*-[HV]$/.test(name)) {
      this.#ours = true
      return cmap(name, '<00> <80>\n<8140> <fefe>', 2, koreanRanges(), vertical)
    }
    if (/^Uni(KS|JIS|GB|CNS)(\d+|X\d+)?-(UCS2|UTF16)(-HW)?-[HV]$/.test(name)) {
      this.#ours = true
      return cmap(name, '<0000> <ffff>', 1, ['<0000> <ffff> 0'], vertical)
    }
    // Real glyph numbers would need the real map.
    return this.#ours && /^Adobe-\w+-UCS2$/.test(name) ? identityToUnicode(name) : null
  }
}

function cmap(name: string, space: string, spaces: number, ranges: string[], vertical: boolean): string {
  const parts = [
    `/CMapName /${name} def`,
    `/WMode ${vertical ? 1 : 0} def`,
    `${spaces} begincodespacerange`,
    space,
    'endcodespacerange',
  ]
  for (let at = 0; at < ranges.length; at += 100) {
    const some = ranges.slice(at, at + 100)
    parts.push(`${some.length} begincidrange`, ...some, 'endcidrange')
  }
  return parts.join('\n')
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')

let korean: string[] | undefined

/** CP949 as ranges of consecutive codes with consecutive Unicode values. */
function koreanRanges(): string[] {
  if (korean) return korean
  korean = ['<20> <7e> 32']
  for (let lead = 0x81; lead <= 0xfd; lead++) {
    let run: { from: number; to: number; unicode: number } | null = null
    const flush = () => run && korean!.push(`<${hex(run.from, 4)}> <${hex(run.to, 4)}> ${run.unicode}`)
    for (let trail = 0x41; trail <= 0xfe; trail++) {
      const code = (lead << 8) | trail
      const unicode = iconv.decode(Buffer.from([lead, trail]), 'cp949').charCodeAt(0)
      if (unicode === 0xfffd || unicode < 0x80) continue
      if (run && run.to + 1 === code && run.unicode + code - run.from === unicode) run.to = code
      else {
        flush()
        run = { from: code, to: code, unicode }
      }
    }
    flush()
  }
  return korean
}

function identityToUnicode(name: string): string {
  const ranges = Array.from({ length: 256 }, (_, high) => {
    const row = hex(high, 2)
    return `<${row}00> <${row}ff> <${row}00>`
  })
  const parts = [`/CMapName /${name} def`, '1 begincodespacerange', '<0000> <ffff>', 'endcodespacerange']
  for (let at = 0; at < ranges.length; at += 100) {
    const some = ranges.slice(at, at + 100)
    parts.push(`${some.length} beginbfrange`, ...some, 'endbfrange')
  }
  return parts.join('\n')
}
