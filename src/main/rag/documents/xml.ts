import { DOMParser, type Document, type Element, type Node } from '@xmldom/xmldom'
import { brokenFile, documentError } from './problem'

/** Entities of the file's own are refused wherever they stand: nothing in a document needs them, and they multiply. */
export function refuseEntities(xml: string): void {
  if (/<!ENTITY/i.test(xml))
    throw documentError(
      'broken',
      'It defines XML entities, which no office document needs and which can expand without end.',
    )
}

/** A part of an office document as a tree. Throws `broken`. */
export function parseXml(xml: string, what: string): Document {
  refuseEntities(xml)
  try {
    return new DOMParser({ locator: false, onError: ignoreWarnings }).parseFromString(xml, 'text/xml')
  } catch (error) {
    throw brokenFile(what, error)
  }
}

function ignoreWarnings(level: 'warning' | 'error' | 'fatalError', message: string): void {
  if (level !== 'warning') throw new Error(message)
}

const isElement = (node: Node | null): node is Element => node?.nodeType === 1

/** Child elements, by local name where one is given: prefixes are the writer's choice. */
export function children(parent: Node, localName?: string): Element[] {
  const found: Element[] = []
  for (let node = parent.firstChild; node; node = node.nextSibling)
    if (isElement(node) && (!localName || node.localName === localName)) found.push(node)
  return found
}

/** All elements below, in document order, by local name. */
export const descendants = (parent: Document | Element, localName: string): Element[] =>
  Array.from(parent.getElementsByTagNameNS('*', localName))

export const firstDescendant = (parent: Document | Element, localName: string): Element | null =>
  parent.getElementsByTagNameNS('*', localName).item(0)

/** An attribute by its local name, whatever its prefix. */
export function attribute(element: Element, localName: string): string | null {
  for (const attribute of Array.from(element.attributes)) if (attribute.localName === localName) return attribute.value
  return null
}
