import { posix } from 'node:path'
import { children, parseXml } from './xml'
import { type ZipArchive } from './zip'

/** The relationships of a part of an Open Packaging archive: id to the path in the archive; targets outside are left out. */
export function relationsOf(zip: ZipArchive, part: string): Map<string, { type: string; path: string }> {
  const path = posix.join(posix.dirname(part), '_rels', `${posix.basename(part)}.rels`)
  const relations = new Map<string, { type: string; path: string }>()
  if (!zip.has(path)) return relations
  for (const relation of children(parseXml(zip.text(path), 'archive').documentElement!, 'Relationship')) {
    const target = relation.getAttribute('Target') ?? ''
    if (relation.getAttribute('TargetMode') === 'External') continue
    const resolved = target.startsWith('/') ? target.slice(1) : posix.join(posix.dirname(part), target)
    const type = relation.getAttribute('Type')?.split('/').at(-1) ?? ''
    relations.set(relation.getAttribute('Id') ?? '', { type, path: resolved })
  }
  return relations
}
