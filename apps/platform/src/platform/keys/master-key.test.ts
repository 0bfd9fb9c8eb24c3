import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadMasterKey } from './master-key.ts'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ocelli-master-key-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
const load = (dataFolder: string) => loadMasterKey({ fromEnvironment: null, dataFolder })

test('processes that start together on a fresh folder have one key, and leave nothing else behind', async () => {
  const dataFolder = await folder()
  const keys = await Promise.all([load(dataFolder), load(dataFolder), load(dataFolder)])
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(1)
  expect(await readdir(dataFolder)).toEqual(['master.key'])
})

test('what a start of the same process id has left unfinished, as in a container, is in nobody’s way', async () => {
  const dataFolder = await folder()
  await writeFile(join(dataFolder, `master.key.${process.pid}`), '')
  expect(await load(dataFolder)).toHaveLength(32)
})
