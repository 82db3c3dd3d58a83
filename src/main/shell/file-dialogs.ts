import type { OpenDialogOptions, SaveDialogOptions } from 'electron'
import { z } from 'zod'
import { type PickPurpose } from '../../shared/bridge'
import { type Texts } from './texts'

export const pickPurpose: z.ZodType<PickPurpose> = z.enum([
  'model',
  'model_folder',
  'documents',
  'document_folder',
  'backup_target',
  'backup_source',
])

export type FileDialog = { kind: 'open'; options: OpenDialogOptions } | { kind: 'save'; options: SaveDialogOptions }

/** The dialog for a purpose. `today` names a backup. */
export function fileDialog(purpose: PickPurpose, t: Texts, today: Date): FileDialog {
  const all = { name: t.allFiles, extensions: ['*'] }
  const backups = { name: t.backupFiles, extensions: ['moru-backup'] }
  switch (purpose) {
    case 'model': {
      const filters = [{ name: t.modelFiles, extensions: ['gguf', 'safetensors'] }, all]
      return { kind: 'open', options: { title: t.pickModel, filters, properties: ['openFile', 'multiSelections'] } }
    }
    case 'model_folder':
      return { kind: 'open', options: { title: t.pickModelFolder, properties: ['openDirectory'] } }
    case 'documents':
      return { kind: 'open', options: { title: t.pickDocuments, properties: ['openFile', 'multiSelections'] } }
    case 'document_folder':
      return {
        kind: 'open',
        options: { title: t.pickDocumentFolder, properties: ['openDirectory', 'multiSelections'] },
      }
    case 'backup_source':
      return { kind: 'open', options: { title: t.pickBackupSource, filters: [backups, all], properties: ['openFile'] } }
    case 'backup_target': {
      const defaultPath = `moru-${today.toISOString().slice(0, 10)}.moru-backup`
      return { kind: 'save', options: { title: t.pickBackupTarget, filters: [backups, all], defaultPath } }
    }
  }
}
