/**
 * Imported for its effect, before a device is opened: Mesa's software driver spends most of these tests' time optimising shaders that
 * then run for milliseconds. Other drivers do not read it; tests of whole models run optimised shaders.
 */
process.env.GALLIVM_PERF ??= 'nopt'
