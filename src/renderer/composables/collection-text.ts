import { useI18n } from 'vue-i18n'
import { type Job } from '../../shared/contract/jobs'
import { type Collection } from '../../shared/contract/knowledge'
import { useModels } from '../stores/models'
import { useFormat } from './format'

/** What several views say of a collection, in words. */
export function useCollectionText() {
  const { t } = useI18n()
  const format = useFormat()
  const models = useModels()

  const embedder = ({ settings: { embeddingModel } }: Collection) =>
    embeddingModel === null ? t('knowledge.bundledEmbedder') : (models.byId(embeddingModel)?.name ?? embeddingModel)

  const vectorSearch = ({ kind, recallAt10 }: Collection['vectorIndex']) =>
    kind === 'hnsw' && recallAt10 !== null
      ? t('knowledge.hnsw', { recall: format.percent(recallAt10) })
      : t('knowledge.exact')

  /** How far an indexing job is. */
  const indexed = ({ done, total }: Job) =>
    t('knowledge.indexing', { done: format.number(done), total: total === null ? '…' : format.number(total) })

  return { embedder, vectorSearch, indexed }
}
