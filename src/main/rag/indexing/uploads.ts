/** Files whose bytes came over the contract: kept in a folder of the collection's below the profile. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { MoruError } from '../../../shared/errors'

export interface Upload {
  name: string
  base64: string
}

/** File systems allow 255 bytes; a prefix is added while it is written. */
const mostNameBytes = 200

/** A name without folders, control characters and what Windows refuses; never hidden. */
export function uploadName(name: string): string {
  const base = name.normalize('NFC').split(/[\\/]/).at(-1) ?? ''
  const plain = base.replace(/[\p{Cc}<>:"|?*]/gu, '_').replace(/^[.~]+|[. ]+$/g, '')
  const stem = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(plain) ? `_${plain}` : plain
  let short = stem === '' ? 'document' : stem
  const extension = /\.[^.]{1,10}$/.exec(short)?.[0] ?? ''
  while (Buffer.byteLength(short) > mostNameBytes) {
    const characters = [...short.slice(0, short.length - extension.length)]
    short = characters.slice(0, -1).join('') + extension
  }
  return short
}

/** Writes the files, each whole or not at all; one of the same name is replaced. @throws invalid_input for what is no base64. */
export async function keepUploads(folder: string, files: readonly Upload[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const { name, base64 } of files) {
    const bytes = Buffer.from(base64, 'base64')
    // Buffer leaves out what it cannot read instead of complaining.
    if (bytes.length !== Math.floor((base64.replace(/=+$/, '').length * 3) / 4))
      throw new MoruError('invalid_input', `${name}: its content is not base64.`)
    const aside = join(folder, `.${randomUUID()}`)
    try {
      await writeFile(aside, bytes, { mode: 0o600 })
      await rename(aside, join(folder, uploadName(name)))
    } finally {
      await rm(aside, { force: true })
    }
  }
}
