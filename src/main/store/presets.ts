/** Named presets of system prompt, sampling and load settings. */
import { randomUUID } from 'node:crypto'
import { type Preset, preset } from '../../shared/contract/settings'
import { loadSettings } from '../../shared/contract/sampling'
import { MoruError } from '../../shared/errors'
import { defaultConversationSettings, normalText } from './conversations'
import { type Database } from './database'

interface Row {
  id: string
  name: string
  settings: string
  load: string | null
}

const presetOf = (row: Row): Preset => ({
  id: row.id,
  name: row.name,
  settings: preset.shape.settings.parse({ ...defaultConversationSettings(), ...JSON.parse(row.settings) }),
  load: row.load === null ? null : loadSettings.parse(JSON.parse(row.load)),
})

export function presetRepository(db: Database) {
  const selectAll = db.prepare<[], Row>(
    `SELECT id, name, settings, load FROM preset ORDER BY name COLLATE NOCASE, rowid`,
  )
  const insert = db.prepare(`INSERT INTO preset (id, name, settings, load) VALUES (@id, @name, @settings, @load)`)
  const update = db.prepare(`UPDATE preset SET name = @name, settings = @settings, load = @load WHERE id = @id`)
  const drop = db.prepare(`DELETE FROM preset WHERE id = ?`)

  return {
    /** By name. */
    list: (): Preset[] => selectAll.all().map(presetOf),
    /** A new one for id null, else the one of that id changed. @throws not_found */
    save(given: Omit<Preset, 'id'> & { id: string | null }): Preset {
      const id = given.id ?? randomUUID()
      const row = {
        id,
        name: normalText(given.name),
        settings: JSON.stringify(given.settings),
        load: given.load && JSON.stringify(given.load),
      }
      if (given.id === null) insert.run(row)
      else if (update.run(row).changes === 0) throw new MoruError('not_found', `There is no preset "${id}".`)
      return presetOf(row)
    },
    /** @throws not_found */
    remove(id: string): void {
      if (drop.run(id).changes === 0) throw new MoruError('not_found', `There is no preset "${id}".`)
    },
  }
}
export type PresetRepository = ReturnType<typeof presetRepository>
