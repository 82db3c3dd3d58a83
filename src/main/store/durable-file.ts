/** Files that are seen whole or not at all: written aside, flushed, renamed. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Flushes `from` to the disk and gives it the name `to`, replacing what is there. Both in one folder. */
export function renameDurably(from: string, to: string): void {
  syncPath(from, 'r+')
  renameSync(from, to)
  // Windows cannot open a folder as a file; there the rename itself is journalled.
  if (process.platform !== 'win32') syncPath(dirname(to), 'r')
}

/** Replaces `file` by `text`, readable by its owner only. */
export function writePrivateFile(file: string, text: string): void {
  const aside = `${file}.partial`
  rmSync(aside, { force: true })
  const descriptor = openSync(aside, 'wx', 0o600)
  try {
    writeFileSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
  renameDurably(aside, file)
}

function syncPath(path: string, flags: string): void {
  const descriptor = openSync(path, flags)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
