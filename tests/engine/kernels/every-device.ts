/** Runs cases on every device they name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Gpu, type GpuOptions } from '../../../src/main/engine/device/gpu'
import { Recorder } from '../../../src/main/engine/kernels/recorder'
import { deviceNames, type DeviceName, type KernelCase } from '../../cases/kernel-case'
import '../device/quick-shaders'
import { runCase } from './run-case'

const options: Record<DeviceName, GpuOptions> = {
  'as it is': {},
  'without subgroups': { withoutFeatures: ['subgroups'] },
  'without shader-f16': { withoutFeatures: ['shader-f16'] },
  '32 lanes': { lanes: 32 },
}

/** A test for every case on every device. */
export function testOnEveryDevice(cases: readonly KernelCase[]): void {
  const on = (name: DeviceName) => cases.filter((c) => (c.devices ?? deviceNames).includes(name))
  describe.each(deviceNames.filter((name) => on(name).length > 0))('%s', (name) => {
    let gpu: Gpu
    let recorder: Recorder
    beforeAll(async () => {
      gpu = await Gpu.open(options[name])
      recorder = new Recorder(gpu)
    })
    afterAll(async () => {
      await gpu.idle()
      gpu.destroy()
    })
    it.each(on(name).map((c) => ({ ...c, title: `${c.kernel.name}: ${c.name}` })))('$title', async (testCase) => {
      expect(await runCase(gpu, recorder, testCase)).toBeNull()
    })
  })
}
