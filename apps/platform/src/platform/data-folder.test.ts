import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DataFolderError, prepareDataFolder, resolveDataFolder, thisMachine } from './data-folder.ts'

const user = { environment: {}, platform: 'linux', isRoot: false, homeFolder: '/home/ada' } as const

describe('the place of the data', () => {
  test.each([
    ['an ordinary user on Linux', user, '/home/ada/.local/share/ocelli'],
    ['a set XDG_DATA_HOME', { ...user, environment: { XDG_DATA_HOME: '/data' } }, '/data/ocelli'],
    ['a relative XDG_DATA_HOME', { ...user, environment: { XDG_DATA_HOME: 'data' } }, '/home/ada/.local/share/ocelli'],
    ['root', { ...user, isRoot: true, homeFolder: '/root' }, '/var/lib/ocelli'],
    ['root on macOS', { ...user, platform: 'darwin', isRoot: true }, '/var/lib/ocelli'],
    ['macOS', { ...user, platform: 'darwin' }, '/home/ada/Library/Application Support/ocelli'],
    ['Windows', { ...user, platform: 'win32', environment: { LOCALAPPDATA: '/local' } }, '/local/ocelli'],
    ['Windows without LOCALAPPDATA', { ...user, platform: 'win32' }, '/home/ada/AppData/Local/ocelli'],
    ['OCELLI_HOME', { ...user, isRoot: true, environment: { OCELLI_HOME: '/srv/o' } }, '/srv/o'],
    ['an empty OCELLI_HOME', { ...user, environment: { OCELLI_HOME: '' } }, '/home/ada/.local/share/ocelli'],
  ] as const)('of %s', (_, machine, folder) => {
    expect(resolveDataFolder(machine)).toBe(folder)
  })

  test('is absolute for a relative OCELLI_HOME', () => {
    const machine = thisMachine({ OCELLI_HOME: 'here' })
    expect(resolveDataFolder(machine)).toBe(join(process.cwd(), 'here'))
  })
})

describe.skipIf(process.platform === 'win32')('preparing the folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ocelli-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777

  test('makes it and what is missing above it for its owner alone, and leaves nothing inside', async () => {
    const path = join(folder, 'a', 'b')
    await prepareDataFolder(path, { isPassedThrough: false })
    expect(await modeOf(path)).toBe(0o700)
    expect(await readdir(path)).toEqual([])
  })

  test('lets others pass through where it is asked to, whatever the umask', async () => {
    const path = join(folder, 'a')
    const before = process.umask(0o077)
    try {
      await prepareDataFolder(path, { isPassedThrough: true })
    } finally {
      process.umask(before)
    }
    expect(await modeOf(path)).toBe(0o711)
  })

  test('keeps the mode of a folder that exists', async () => {
    await prepareDataFolder(folder, { isPassedThrough: true })
    expect(await modeOf(folder)).toBe(0o700)
  })

  test('says that a file is in the way', async () => {
    const path = join(folder, 'file')
    await writeFile(path, '')
    await expect(prepareDataFolder(path, { isPassedThrough: false })).rejects.toThrow(/a file/)
    await expect(prepareDataFolder(join(path, 'below'), { isPassedThrough: false })).rejects.toThrow(DataFolderError)
  })

  test('says where nothing can be written, and names OCELLI_HOME as the way out', async () => {
    // Even root cannot make a folder here.
    await expect(prepareDataFolder('/proc/ocelli', { isPassedThrough: false })).rejects.toThrow(
      /Cannot keep data in \/proc\/ocelli.*OCELLI_HOME/,
    )
  })
})
