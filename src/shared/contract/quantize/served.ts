/** The endpoints of quantization that the host answers. */
export { comparePrompt, compareRun } from './compare'
export { convertRun } from './convert'
export { inspectActivations, inspectMatrices, inspectMatrix } from './inspect'
export { quantizePlan } from './recipe'
export { quantizeFollow, quantizeRuns, quantizeStart } from './run'
