/** The person's settings: one row a key, read with the defaults of the contract below them. */
import { type z } from 'zod'
import { type Settings, settings, type settingsUpdate } from '../../shared/contract/settings'
import { type Database } from './database'
import { type SecretFile } from './secret-file'

export type SettingsPatch = z.output<typeof settingsUpdate.input>
type Key = keyof Settings

const isGroup = (value: unknown): value is object => typeof value === 'object' && value !== null

export function settingsRepository(db: Database, hubToken: SecretFile, onChange: () => void) {
  const selectAll = db.prepare<[], { key: string; value: string }>(`SELECT key, value FROM setting`)
  const put = db.prepare(
    `INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  )

  const get = (): Settings => {
    const whole: Record<string, unknown> = settings.parse({})
    for (const { key, value } of selectAll.all()) {
      if (!(key in settings.shape)) continue
      // A value that this version no longer allows falls back to its default rather than barring the way in.
      const parsed = settings.shape[key as Key].safeParse(JSON.parse(value))
      if (parsed.success) whole[key] = parsed.data
    }
    const known = whole as Settings
    return { ...known, hub: { ...known.hub, hasToken: hubToken.read() !== null } }
  }

  return {
    get,
    /** Merges what is given, objects one level deep. @returns the whole. */
    update: db.transaction((patch: SettingsPatch): Settings => {
      const before = get()
      for (const [key, given] of Object.entries(patch)) {
        if (given === undefined) continue
        const value = isGroup(given) ? { ...(before[key as Key] as object), ...given } : given
        put.run(key, JSON.stringify(value))
      }
      onChange()
      return get()
    }),
    /** Stores or (null) forgets the hub's access token. @returns the settings, which say only whether there is one. */
    setHubToken(token: string | null): Settings {
      hubToken.write(token)
      return get()
    },
  }
}
export type SettingsRepository = ReturnType<typeof settingsRepository>
