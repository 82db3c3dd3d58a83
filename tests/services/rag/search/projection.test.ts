import { expect, it } from 'vitest'
import { projectToPlane } from '../../../../src/main/rag/search/projection'
import { seededRandom } from '../../../../src/shared/seeded-random'

it('finds the two directions of greatest spread', async () => {
  const random = seededRandom(2)
  const truth = Array.from({ length: 900 }, () => ({ a: 6 * (random() - 0.5), b: 2 * (random() - 0.5) }))
  // Along (1, 1, 0, 0) and (0, 0, 1, -1), far from the origin, with a little noise.
  const vectors = truth.map(({ a, b }) => {
    const noise = () => 0.01 * (random() - 0.5)
    return Float32Array.of(5 + a + noise(), a + noise(), b + noise(), -b + noise())
  })
  const points = await projectToPlane(vectors)
  const correlation = (u: number[], v: number[]) => {
    const mean = (list: number[]) => list.reduce((sum, x) => sum + x, 0) / list.length
    const [mu, mv] = [mean(u), mean(v)]
    const sum = (f: (i: number) => number) => u.reduce((total, _, i) => total + f(i), 0)
    const cross = sum((i) => (u[i] - mu) * (v[i] - mv))
    return cross / Math.sqrt(sum((i) => (u[i] - mu) ** 2) * sum((i) => (v[i] - mv) ** 2))
  }
  expect(
    Math.abs(
      correlation(
        points.map((p) => p.x),
        truth.map((t) => t.a),
      ),
    ),
  ).toBeGreaterThan(0.999)
  expect(
    Math.abs(
      correlation(
        points.map((p) => p.y),
        truth.map((t) => t.b),
      ),
    ),
  ).toBeGreaterThan(0.999)
  expect(await projectToPlane(vectors)).toEqual(points)
})

it('has a place for the few and the equal', async () => {
  expect(await projectToPlane([])).toEqual([])
  const one = Float32Array.of(1, 2)
  for (const { x, y } of await projectToPlane([one, one, one]))
    expect([x, y]).toEqual([expect.closeTo(0), expect.closeTo(0)])
})
