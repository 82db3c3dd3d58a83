/** The parts of the view, in their order; each has an address of its own. */
export const parts = ['roofline', 'timeline', 'kernels', 'batch', 'scheduler', 'memory'] as const
export type Part = (typeof parts)[number]
