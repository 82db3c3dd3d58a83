/** What time stamps cost: the shortest kernel alone in stamped passes against many of it in one. */
import { type Gpu } from '../device/gpu'
import { Recorder } from './recorder'
import { shortestCall } from './shortest-call'
import { type StampSet } from './stamps'

const calls = 64
const trials = 4

/** Nanoseconds that a pair of stamps adds to the time between them; the stamps are free for other uses afterwards. */
export async function stampCostNs(gpu: Gpu, stamps: StampSet): Promise<number> {
  const recorder = new Recorder(gpu)
  const call = await shortestCall(gpu, recorder)
  /** Nanoseconds between the stamps of each of so many passes with so many calls. */
  const time = async (passes: number, callsEach: number) => {
    let begun = 0
    let recorded = 0
    recorder.observer = {
      before: () => (recorded++ % callsEach === 0 ? stamps.around(begun++) : undefined),
      beforeSubmit: (encoder) => stamps.resolve(encoder, passes),
    }
    for (let i = 0; i < passes * callsEach; i++) call.run()
    recorder.submit()
    const times = await stamps.read(passes)
    return Array.from({ length: passes }, (_, i) => times[2 * i + 1] - times[2 * i]).sort((a, b) => a - b)
  }
  try {
    let alone = Infinity
    let among = Infinity
    // The best of some trials on both sides, because what else the machine does can only add. The first compiles.
    for (let trial = 0; trial <= trials; trial++) {
      const single = (await time(calls, 1))[calls / 2]
      const grouped = (await time(1, calls))[0] / calls
      if (trial === 0) continue
      alone = Math.min(alone, single)
      among = Math.min(among, grouped)
    }
    return Math.max(0, alone - among)
  } finally {
    await gpu.idle()
    call.release()
  }
}
