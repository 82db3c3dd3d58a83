// @ts-check
/** The honest word on whether WebGPU works here: asks Dawn for an adapter and prints what it got as one JSON line. */
import { create } from 'webgpu'

// Dawn's pending work crashes the process once its instance is collected: it stays reachable to the end.
const gpu = create([])
const adapter = await gpu.requestAdapter()
const info = adapter?.info
process.stdout.write(
  JSON.stringify({ found: adapter !== null, name: info?.device || info?.description, vendor: info?.vendor }) + '\n',
)
process.exit(0)
