import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createServerLog, lastWordsIn } from './server-log.ts'

let path: string
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-log-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  path = join(folder, 'postgres.log')
})

test('a log grown past its bound is emptied under the hands of the server, which writes on', async () => {
  const log = createServerLog(path, { maxBytes: 10 })
  const server = await log.openForServer()
  await server.write('ten bytes.')
  await log.rotate()
  expect(await readFile(path, 'utf8')).toBe('ten bytes.')
  await server.write('!')
  await log.rotate()
  await server.write('next')
  await server.close()
  expect(await readFile(path, 'utf8')).toBe('next')
  expect(await readFile(`${path}.1`, 'utf8')).toBe('ten bytes.!')
  await log.rotate()
  expect(await readFile(`${path}.1`, 'utf8')).toBe('ten bytes.!')
})

test('its tail begins at the mark, and is bounded', async () => {
  const log = createServerLog(path)
  expect(await log.tail()).toBe('')
  const server = await log.openForServer()
  await server.write('of an earlier start\n')
  await log.mark()
  expect(await log.tail()).toBe('')
  await server.write('FATAL: no\n')
  expect(await log.tail()).toBe('FATAL: no')
  await server.write('x'.repeat(10_000))
  expect(await log.tail()).toHaveLength(4000)
  await server.close()
})

test('last words are the last lines without their stamps', () => {
  const line = (text: string) => `2026-01-01 00:00:00.000 UTC [4711] ${text}\n`
  const tail = ['LOG:  one', 'LOG:  2', 'LOG:  3', 'LOG:  4', 'LOG:  5', 'LOG:  6', 'FATAL:  no'].map(line).join('')
  expect(lastWordsIn(tail)).toBe('LOG:  2 LOG:  3 LOG:  4 LOG:  5 LOG:  6 FATAL:  no')
  expect(lastWordsIn('')).toBe('')
})
