/** The model library's public face. */
export { Downloads, type DownloadsOptions } from './downloads'
export { modelsHandlers } from './handlers'
export { modelPath } from './model-path'
export { type LibraryOptions, ModelLibrary, type ResolvedModel } from './library'
