/** Documents in: files and web pages become text with structure, and text becomes chunks. */
export {
  type Block,
  type BlockKind,
  defaultLimits,
  type DocumentFile,
  type DocumentType,
  documentTypes,
  type ParsedDocument,
  type ParseLimits,
} from './document'
export { DocumentParser, type DocumentParserOptions } from './document-parser'
export { type DocumentProblem, problemOf } from './problem'
export { type Language, languageOf } from './language'
export { type SourceMap, sourceOffset, sourceRange } from './source-map'
export { type Chunk, chunkDocument } from './chunks/chunk-document'
export { type ChunkOptions } from './chunks/units'
export { sentencesOf } from './chunks/sentences'
export { fetchPage, type FetchedPage, type FetchOptions } from './web/fetch-page'
