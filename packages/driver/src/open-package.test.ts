import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { openPackage } from './open-package.ts'

async function makePackage(size: number) {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-package-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const content = randomBytes(size)
  const path = join(folder, 'app.apk')
  await writeFile(path, content)
  return { path, content }
}
const { signal } = new AbortController()

test.each([0, 1, 16_384, 100_000])('a package of %i bytes comes out as it is, paced or not', async (size) => {
  const { path, content } = await makePackage(size)
  const asked: number[] = []
  const pace = async (bytes: number) => void asked.push(bytes)
  expect(await buffer(openPackage(path, { signal }))).toEqual(content)
  expect(await buffer(openPackage(path, { signal, pace }))).toEqual(content)
  expect(asked.reduce((sum, bytes) => sum + bytes, 0)).toBe(size)
  expect(Math.max(0, ...asked)).toBeLessThanOrEqual(16_384)
})

test('no piece leaves before its time, and nothing is read far ahead', async () => {
  const { path } = await makePackage(200_000)
  const gate = Promise.withResolvers<void>()
  let asked = 0
  const pace = () => (++asked > 2 ? gate.promise : Promise.resolve())
  let left = 0
  const reading = (async () => {
    for await (const piece of openPackage(path, { signal, pace })) left += (piece as Buffer).length
  })()
  await expect.poll(() => asked).toBe(3)
  expect(left).toBe(2 * 16_384)
  gate.resolve()
  await reading
  expect(left).toBe(200_000)
})

test('what interrupts the pace ends the stream with its reason', async () => {
  const { path } = await makePackage(50_000)
  const pace = () => Promise.reject(new Error('stopped'))
  await expect(buffer(openPackage(path, { signal, pace }))).rejects.toThrow('stopped')
})
