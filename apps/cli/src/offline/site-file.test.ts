import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readSiteFile, type SiteCamera, writeSiteFile } from './site-file.ts'

async function pathOf(text?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-site-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'site.json')
  if (text !== undefined) await writeFile(path, text)
  return path
}

test('what was written is read again', async () => {
  const path = await pathOf()
  const camera = { deviceId: 'CAM-1', addresses: ['http://10.0.0.1'], appFormats: [] } as unknown as SiteCamera
  await writeSiteFile(path, [camera], new Date('2026-01-01T00:00:00Z'))
  expect(await readSiteFile(path)).toMatchObject({ foundAt: '2026-01-01T00:00:00.000Z', cameras: [camera] })
})

test.each([
  ['no JSON', 'cameras', /no JSON/],
  ['nothing', 'null', /another file/],
  ['another file', '{"kind":"ocelli-bundle","cameras":[]}', /another file/],
  ['a version that is not known', '{"kind":"ocelli-site","version":2,"cameras":[]}', /version 2/],
  ['a camera without addresses', '{"kind":"ocelli-site","version":1,"cameras":[{"deviceId":null}]}', /Camera 1/],
])('%s is no site file', async (_what, text, detail) => {
  const read = readSiteFile(await pathOf(text))
  await expect(read).rejects.toMatchObject({ code: 'site-file-invalid', message: expect.stringMatching(detail) })
})

test('a file of gigabytes is not read to find out that it is none', async () => {
  const path = await pathOf('')
  await truncate(path, 3 * 1024 ** 3)
  await expect(readSiteFile(path)).rejects.toMatchObject({ code: 'site-file-invalid' })
})
