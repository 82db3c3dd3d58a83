/** The answer cache's public face. */
export {
  AnswerCache,
  type AnswerCacheOptions,
  type AnswerContext,
  type CacheHit,
  type QuestionVector,
} from './answer-cache'
export { differenceOf, scriptOf } from './differences'
