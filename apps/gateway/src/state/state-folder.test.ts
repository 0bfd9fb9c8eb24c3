import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileNameOf } from './file-name.ts'
import { openStateFolder } from './state-folder.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-state-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

describe('state folder', () => {
  test('gives back what was written, also to another process that opens the folder', async () => {
    const folder = await openStateFolder(join(home, 'gateway'))
    await folder.writeJson('desired/a.json', { revision: 3 })
    const again = await openStateFolder(join(home, 'gateway'))
    expect(await again.readJson('desired/a.json')).toEqual({ revision: 3 })
    expect(await again.readJson('desired/b.json')).toBeNull()
  })

  test('says that its path is a file', async () => {
    const path = join(home, 'taken')
    await writeFile(path, '')
    await expect(openStateFolder(path)).rejects.toMatchObject({
      code: 'state-denied',
      message: expect.stringContaining('no folder'),
    })
  })

  // root may do anything
  test.skipIf(process.platform === 'win32' || process.geteuid?.() === 0)('says that it is another user’s', async () => {
    const { path } = await openStateFolder(join(home, 'gateway'))
    await chmod(path, 0o000)
    await expect(openStateFolder(path)).rejects.toMatchObject({
      code: 'state-denied',
      message: expect.stringContaining('--home'),
    })
    await chmod(path, 0o700)
  })

  test.skipIf(process.platform === 'win32')('is readable by its owner only', async () => {
    const folder = await openStateFolder(join(home, 'gateway'))
    await folder.writeJson('desired/a.json', 1)
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder.path, 'desired'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder.path, 'desired/a.json'))).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder.path, 'secret.key'))).mode & 0o777).toBe(0o600)
  })

  test('ends with the last of many writes to one name, and never shows half a file', async () => {
    const folder = await openStateFolder(home)
    const filler = 'x'.repeat(20_000)
    await folder.writeJson('a.json', { n: -1, filler })
    const writes = Array.from({ length: 30 }, (_, n) => folder.writeJson('a.json', { n, filler }))
    const reads = Array.from({ length: 30 }, () => folder.readJson('a.json'))
    for (const seen of await Promise.all(reads)) expect(seen).toMatchObject({ filler })
    await Promise.all(writes)
    expect(await folder.readJson('a.json')).toMatchObject({ n: 29 })
    expect((await readdir(home)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('names the file that is not JSON', async () => {
    const folder = await openStateFolder(home)
    await writeFile(join(home, 'a.json'), '{"half":')
    await expect(folder.readJson('a.json')).rejects.toMatchObject({
      code: 'state-corrupt',
      message: expect.stringContaining(join(home, 'a.json')),
    })
  })

  test('a failed write does not keep the next one from happening', async () => {
    const folder = await openStateFolder(home)
    await writeFile(join(home, 'sub'), 'a file where a folder should be')
    await expect(folder.writeJson('sub/a.json', 1)).rejects.toThrow()
    await rm(join(home, 'sub'))
    await folder.writeJson('sub/a.json', 2)
    expect(await folder.readJson('sub/a.json')).toBe(2)
  })

  test('lists names below a prefix, sorted, without what a killed process left', async () => {
    const folder = await openStateFolder(home)
    await folder.writeJson('desired/b.json', 1)
    await folder.writeJson('desired/a.json', 1)
    await folder.writeJson('other/c.json', 1)
    await writeFile(join(home, 'desired', '.a.json.0.tmp'), '')
    expect(await folder.list('desired/')).toEqual(['desired/a.json', 'desired/b.json'])
    expect(await folder.list('nothing/')).toEqual([])
    await folder.remove('desired/a.json')
    await folder.remove('desired/a.json')
    expect(await folder.list('desired')).toEqual(['desired/b.json'])
  })

  test('sweeps old temporary files when it is opened, and leaves young ones', async () => {
    await openStateFolder(home)
    const old = join(home, '.a.json.0.tmp')
    await writeFile(old, '')
    await utimes(old, new Date(0), new Date(0))
    await writeFile(join(home, '.b.json.0.tmp'), '')
    await openStateFolder(home)
    expect((await readdir(home)).filter((name) => name.endsWith('.tmp'))).toEqual(['.b.json.0.tmp'])
  })

  test.each(['../a', 'a/../b', '/a', '', 'a//b', '.hidden', 'a\\b', 'a\0b'])('refuses the name %j', async (name) => {
    const folder = await openStateFolder(home)
    await expect(async () => folder.writeJson(name, 1)).rejects.toMatchObject({ code: 'invalid-input' })
  })

  test('seals a text so that it cannot be read in the file, and unseals it after a restart', async () => {
    const folder = await openStateFolder(home)
    const sealed = folder.seal('pässword')
    expect(sealed).not.toContain('pässword')
    expect(folder.seal('pässword')).not.toBe(sealed)
    expect((await openStateFolder(home)).unseal(sealed)).toBe('pässword')
  })

  test('refuses a secret that was altered or sealed with another key', async () => {
    const folder = await openStateFolder(home)
    const sealed = folder.seal('secret')
    const flipped = sealed.slice(0, -2) + (sealed.endsWith('A') ? 'BB' : 'AA')
    expect(() => folder.unseal(flipped)).toThrow(/secret\.key/)
    expect(() => folder.unseal('secret')).toThrow(/secret\.key/)
    const other = await openStateFolder(join(home, 'other'))
    expect(() => other.unseal(sealed)).toThrow(/secret\.key/)
  })

  test('processes that start at once make one key', async () => {
    const folders = await Promise.all(Array.from({ length: 8 }, () => openStateFolder(join(home, 'new'))))
    const sealed = folders.map((folder) => folder.seal('x'))
    for (const folder of folders) for (const text of sealed) expect(folder.unseal(text)).toBe('x')
    expect(await readFile(join(home, 'new', 'secret.key'))).toHaveLength(32)
  })

  test('refuses a key file of the wrong length', async () => {
    await writeFile(join(home, 'secret.key'), 'short')
    await expect(openStateFolder(home)).rejects.toMatchObject({ code: 'state-corrupt' })
  })
})

describe('fileNameOf', () => {
  test('makes a plain name of any id, and different names of different ids', () => {
    const ids = [
      'A',
      'a',
      '../x',
      'x',
      '..x',
      'CON',
      'ü',
      'u',
      '%2e',
      'e',
      'x'.repeat(255),
      `${'x'.repeat(254)}y`,
      '\u{1F4F7}',
    ]
    const names = ids.map(fileNameOf)
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/)
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(ids.length)
  })
})
