/** Files that were dropped or chosen in a browser tab, and their way to the host: as bytes, in portions. */

import { largestFileBytes } from '../../composables/file-bytes'

/** A file with the name it gets in the collection. */
export interface NamedFile {
  name: string
  file: File
}

const portionFiles = 1000

/** What a drop brought: files, and those in folders under their path joined by ' - ', for names are flat in a collection. */
export async function droppedFiles(transfer: DataTransfer | null): Promise<NamedFile[]> {
  // Entries can be asked for during the event only.
  const entries = [...(transfer?.items ?? [])].flatMap((item) => {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null
    const file = item.kind === 'file' ? item.getAsFile() : null
    return entry || file ? [{ entry, file }] : []
  })
  const found = await Promise.all(
    entries.map(({ entry, file }) =>
      entry?.isDirectory
        ? filesBelow(entry as FileSystemDirectoryEntry, '')
        : Promise.resolve(file ? [{ name: file.name, file }] : []),
    ),
  )
  return found.flat()
}

async function filesBelow(folder: FileSystemDirectoryEntry, above: string): Promise<NamedFile[]> {
  const reader = folder.createReader()
  const prefix = `${above}${folder.name} - `
  const files: NamedFile[] = []
  for (;;) {
    // A reader gives a hundred at a time, and none when it is at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return files
    for (const entry of some) {
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory) files.push(...(await filesBelow(entry as FileSystemDirectoryEntry, prefix)))
      else {
        const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
        files.push({ name: prefix + file.name, file })
      }
    }
  }
}

/** Files in portions that a request can carry. */
export function portions(files: readonly NamedFile[]): NamedFile[][] {
  const all: NamedFile[][] = []
  let bytes = Infinity
  for (const one of files) {
    const last = all.at(-1)
    if (!last || last.length >= portionFiles || bytes + one.file.size > largestFileBytes) {
      all.push([one])
      bytes = one.file.size
    } else {
      last.push(one)
      bytes += one.file.size
    }
  }
  return all
}
