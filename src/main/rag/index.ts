/** Knowledge: documents in, search over them, answers with sources. The public face. */
export { ask } from './ask/ask'
export { CollectionService } from './collection-service'
export { DocumentParser } from './documents'
export { type EmbeddingSource, type HeldEmbedder } from './embedding'
export { knowledgeHandlers, type KnowledgeServices } from './handlers'
export { type Search } from './search-port'
export { SearchProbe } from './search/search-probe'
export { SearchService } from './search/search-service'
