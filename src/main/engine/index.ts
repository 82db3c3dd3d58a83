/** The engine's public face: the only file of it that others import. */
export { openModelFile } from './formats/model-file'
export { type ImportanceMatrix, readImportanceMatrix, writeImportanceMatrix } from './formats/importance-matrix'
export { type TensorInfo, type WeightFile } from './formats/weight-file'
export { type ModelConfig } from './models/config'
export { isEncoder, readModelConfig } from './models/load-decoder'
export { type MemoryLimits, planMemory } from './runtime/memory-plan'
export { defaultTemplate } from './tokenizer/default-templates'
export { chatUnsupported } from './tokenizer/chat-template'
export { type AnswerPiece, opensReasoning, ReasoningParser, switchesReasoning } from './tokenizer/reasoning'
export { type GenerateEvent, type GenerateRequest } from './runtime/generate'
export { type ChatTemplate, type TemplateMessage, type Tokenizer } from './tokenizer/tokenizer'
export { convertModel, type Converted, type ConvertOptions, targetFormat } from './convert/convert-model'
export { Gpu, inspectAdapter, type AdapterReport, type GpuOptions } from './device/gpu'
export { Engine, loadTokenizer, type LoadOptions } from './runtime/engine'
export { type GenerationProfile, profileGeneration, type ProfileStage } from './profile/generation'
export { type KernelShape, type KernelShare } from './profile/kernel-classes'
export { type Timeline } from './profile/timeline'
export { Embedder, type EmbedOptions, type TextKind } from './runtime/embedder'
export { type LoadEmbedderOptions } from './runtime/engine'
export { type LoadedModel } from './runtime/loaded-model'
export { type LoadProgress } from './layers/weight-loader'
export { type KernelProbe, matrixProbe } from './bench'
export { type CeilingProbe, ceilingProbes } from './ceilings'
export { type PackedFormat, packedFormats } from './quant/packed-layout'
export { StreamDecoder } from './tokenizer/stream-decoder'
export { loadTokenizerFromFolder, loadTokenizerFromMetadata } from './tokenizer/load'
export { compareWindow } from './quantize/compare-models'
export { divergence, quantiles, summarize, type TokenDivergence } from './quantize/divergence'
export {
  linearMatrices,
  linearRoles,
  type LinearRole,
  type ModelMatrix,
  readValues,
  storedBits,
} from './quantize/model-matrices'
export { OverlayFile, storedBytes } from './quantize/overlay-file'
export { type BlockOutcome, type MatrixOutcome, type MatrixRecipe } from './quantize/quantize-block'
export { type CalibrationWindows, quantizeBlocks, type RunState } from './quantize/quantize-model'
export { type CheckpointLayout, type QuantizedModel, writeQuantized } from './quantize/write-quantized'
export { groupsOf } from './quant/groups'
export { type QuantizedMatrix } from './formats/quantized-matrix'
