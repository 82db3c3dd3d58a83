/** Feed-forward layers, plain or gated (SwiGLU, GeGLU: Shazeer, arXiv 2002.05202). */
import { activate, activationKinds } from '../kernels/activate'
import { type Linear } from './linear'
import { type BranchCall, type Step } from './step'

/** Four numbers at a time that an invocation of `activate` takes: alone, they would be less work than starting it. */
const activationRun = 8

export class FeedForward {
  private readonly up: Linear
  private readonly down: Linear
  private readonly kind: keyof typeof activationKinds
  private readonly gated: boolean

  /** `up`: [gate; up] stacked when gated. */
  constructor(up: Linear, down: Linear, kind: keyof typeof activationKinds, gated: boolean) {
    this.up = up
    this.down = down
    this.kind = kind
    this.gated = gated
  }

  /** Reads the activations `x`; writes, or adds, to `y` (f32). */
  run(step: Step, { x, y, add }: BranchCall): void {
    const { workspace, tokens, activations } = step
    this.up.run(step, {
      x,
      y: workspace.feedForward,
      tokens,
      input: activations,
      output: activations,
    })
    step.recorder.run(
      activate,
      {
        IN: activations,
        OUT: activations,
        KIND: activationKinds[this.kind],
        GATED: this.gated,
        HALF: activations === 'f16',
        RUN: activationRun,
      },
      { x: workspace.feedForward, y: workspace.activated },
      { tokens, dim: this.down.cols },
    )
    this.down.run(step, { x: workspace.activated, y, tokens, input: activations, output: 'f32', add })
  }
}
