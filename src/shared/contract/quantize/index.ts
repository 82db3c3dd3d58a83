/** Quantization: recipes and plans, runs, comparisons, and a look inside. */
export * from './compare'
export * from './convert'
export * from './fit'
export * from './importance'
export * from './inspect'
export * from './recipe'
export * from './run'
