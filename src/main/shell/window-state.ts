/** Where the window was when it was last closed, kept in a file of the profile. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'

const windowState = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(640).max(20_000),
  height: z.number().int().min(480).max(20_000),
  maximized: z.boolean(),
})
export type WindowState = z.infer<typeof windowState>

export interface Area {
  x: number
  y: number
  width: number
  height: number
}

const fresh: WindowState = { width: 1280, height: 820, maximized: false }

/** The state kept in `file`, without its position where no display shows enough of it to be grabbed. */
export function readWindowState(file: string, displays: Area[]): WindowState {
  let state: WindowState
  try {
    state = windowState.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return fresh
  }
  const { x, y, ...size } = state
  if (x === undefined || y === undefined) return size
  const reachable = displays.some(
    (d) => x + size.width > d.x + 100 && x < d.x + d.width - 100 && y >= d.y && y < d.y + d.height - 50,
  )
  return reachable ? state : size
}

/** Keeps the state. A profile that cannot be written to costs no more than the position. */
export function writeWindowState(file: string, state: WindowState): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(`${file}.partial`, JSON.stringify(state))
    renameSync(`${file}.partial`, file)
  } catch {
    return
  }
}
