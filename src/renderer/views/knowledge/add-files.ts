import { useI18n } from 'vue-i18n'
import { MoruError } from '../../../shared/errors'
import { useClient } from '../../api'
import { base64Of, largestFileBytes } from '../../composables/file-bytes'
import { useFormat } from '../../composables/format'
import { droppedFiles, type NamedFile, portions } from './dropped-files'

/** Puts files into a collection: by their path under Electron, as bytes in a browser tab. */
export function useAddFiles() {
  const { api } = useClient()
  const { t } = useI18n()
  const format = useFormat()
  const bridge = window.moru

  /** @throws what the host throws; invalid_input for a file that no request can carry. */
  async function addFiles(id: string, files: readonly NamedFile[]): Promise<void> {
    if (files.length === 0) return
    const large = files.find(({ file }) => file.size > largestFileBytes)
    if (large)
      throw new MoruError(
        'invalid_input',
        t('knowledge.tooLarge', { name: large.name, size: format.bytes(largestFileBytes) }),
      )
    for (const some of portions(files)) {
      const sent = await Promise.all(some.map(async ({ name, file }) => ({ name, base64: await base64Of(file) })))
      await api.collections.upload({ id, files: sent })
    }
  }

  const addPaths = (id: string, paths: string[]) => api.collections.index({ id, paths })

  /** What was dropped, as it can be given to `add` later: the event's files are gone after it. */
  async function takeDrop(event: DragEvent): Promise<Dropped> {
    if (bridge) {
      const paths = [...(event.dataTransfer?.files ?? [])].map((file) => bridge.pathForFile(file)).filter(Boolean)
      if (paths.length > 0) return { paths, files: [] }
    }
    return { paths: [], files: await droppedFiles(event.dataTransfer) }
  }

  async function add(id: string, { paths, files }: Dropped): Promise<void> {
    if (paths.length > 0) await addPaths(id, paths)
    await addFiles(id, files)
  }

  return { addFiles, addPaths, takeDrop, add }
}

export interface Dropped {
  paths: string[]
  files: NamedFile[]
}
