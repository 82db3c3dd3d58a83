/** WGSL of a kernel for a device: directives, constants, the way lanes exchange values, parts, source. */
import lanesShared from '../../../../kernels/parts/lanes_shared.wgsl?raw'
import lanesSubgroup from '../../../../kernels/parts/lanes_subgroup.wgsl?raw'
import { type DeviceProfile } from '../device/profile'
import { type ConstantValue, type Kernel, type Shape } from './define-kernel'

export type Constants = Readonly<Record<string, ConstantValue>>

function constantLine(name: string, value: ConstantValue): string {
  if (typeof value === 'string') return `alias ${name} = ${value};\nalias ${name}4 = vec4<${value}>;`
  if (typeof value === 'boolean') return `const ${name} = ${value};`
  return `const ${name}: u32 = ${value}u;`
}

/** The numeric constants, for shape formulas; booleans count as 0 and 1. */
export function numericConstants(constants: Constants): Shape {
  return Object.fromEntries(
    Object.entries(constants).flatMap(([k, v]) => (typeof v === 'string' ? [] : [[k, Number(v)]])),
  )
}

/** Full WGSL text. Throws nothing: a missing constant shows as a compile error that names it. */
export function composeSource(kernel: Kernel, constants: Constants, profile: DeviceProfile): string {
  const lines: string[] = []
  const halves = Object.values(constants).includes('f16')
  if (halves) lines.push('enable f16;')
  if (kernel.exchange && profile.subgroups) lines.push('enable subgroups;', 'diagnostic(off, subgroup_uniformity);')
  lines.push(`const LANES: u32 = ${profile.lanes}u;`)
  for (const [name, value] of Object.entries(constants)) lines.push(constantLine(name, value))
  if (kernel.exchange) {
    const { vectors, scalars } = kernel.exchange(numericConstants(constants))
    lines.push(`const VECTORS: u32 = ${vectors}u;`, `const SCALARS: u32 = ${Math.max(1, scalars)}u;`)
    lines.push(profile.subgroups ? lanesSubgroup : lanesShared)
  }
  return [...lines, ...kernel.parts, kernel.source].join('\n')
}
