/** How kernels are shaped for a device: one place that later tuning fills in. */

export interface DeviceProfile {
  /** Invocations of a workgroup that exchange values; a tile of weights has four times as many rows. */
  lanes: number
  /** Whether lanes exchange by subgroup shuffles; else through workgroup memory. */
  subgroups: boolean
  halfFloats: boolean
  /** Workgroups that fill the device; attention splits long contexts until there are this many. */
  parallelWorkgroups: number
  /** Most tokens in one forward pass. */
  stepTokens: number
}

/**
 * A workgroup of `lanes` invocations is one subgroup where the smallest subgroup is at least that large. Eight is what
 * llvmpipe's 256-bit vectors hold and is the fewest lanes a tile of eight tokens can live with. `forcedLanes` overrules that;
 * where they are more than a subgroup holds, they exchange through workgroup memory.
 */
export function profileOf(
  info: GPUAdapterInfo,
  features: ReadonlySet<string>,
  software: boolean,
  forcedLanes?: number,
): DeviceProfile {
  const smallest = info.subgroupMinSize ?? 0
  const shuffles = features.has('subgroups') && smallest >= 8
  const lanes = forcedLanes ?? (software || (shuffles && smallest < 32) ? 8 : 32)
  const subgroups = shuffles && lanes <= smallest
  return {
    lanes,
    subgroups,
    halfFloats: features.has('shader-f16'),
    parallelWorkgroups: software ? 4 : 256,
    stepTokens: 512,
  }
}
