import { describe, expect, it } from 'vitest'
import { SmoothedRate } from '../../../src/main/jobs/smoothed-rate'

describe('smoothed rate', () => {
  it('knows nothing before there is something to measure', () => {
    const rate = new SmoothedRate(0, 0)
    expect(rate.perSecond(100)).toBeNull()
    rate.sample(10, 50)
    expect(rate.remainingMs(100, 60)).toBeNull()
  })

  it('is exact for steady work, whatever the spans', () => {
    const rate = new SmoothedRate(0, 0)
    for (let at = 0; at <= 10_000; at += 37) rate.sample(at * 2, at)
    expect(rate.perSecond(10_000)).toBeCloseTo(2000, 6)
    expect(rate.remainingMs(40_000, 10_000)! / 10_000).toBeCloseTo(1, 1)
  })

  it('follows a change slowly and never overshoots', () => {
    const rate = new SmoothedRate(0, 0)
    let done = 0
    for (let at = 250; at <= 20_000; at += 250) rate.sample((done += 100), at)
    rate.sample((done += 1000), 20_250)
    expect(rate.perSecond(20_250)).toBeGreaterThan(400)
    expect(rate.perSecond(20_250)).toBeLessThan(800)
    for (let at = 20_500; at <= 60_000; at += 250) rate.sample((done += 1000), at)
    expect(rate.perSecond(60_000)).toBeCloseTo(4000, 0)
  })

  it('falls while nothing is heard', () => {
    const rate = new SmoothedRate(0, 0)
    rate.sample(1000, 1000)
    expect(rate.perSecond(1500)).toBe(1000)
    expect(rate.perSecond(6000)).toBeLessThan(400)
    expect(rate.remainingMs(2000, 200_000)).toBeNull()
  })
})
