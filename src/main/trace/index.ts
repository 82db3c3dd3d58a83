/** Tracing's public face: how domains say what they do. */
export { loadAttributes, modelAttributes, samplingAttributes, usageAttributes } from './attributes'
export { tracedGeneration } from './generation'
export { type Attributes, currentSpan, type Span, step } from './span'
export { type CallOptions, type CallRecorder, Tracer, untraced } from './tracer'
export { traceHandlers, TraceService } from './trace-service'
