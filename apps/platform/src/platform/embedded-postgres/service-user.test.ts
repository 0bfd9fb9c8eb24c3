import { chmod, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findClosedFolder, pickServiceUser } from './service-user.ts'

const root = 'root:x:0:0:root:/root:/bin/sh'
const nobody = 'nobody:x:65534:65534::/:/bin/false'
const postgres = 'postgres:x:101:104::/var/lib/postgresql:/bin/sh'

describe('the user that runs PostgreSQL for root', () => {
  test('is postgres, wherever it stands in the file', () => {
    expect(pickServiceUser([root, nobody, postgres, ''].join('\n'))).toEqual({ name: 'postgres', uid: 101, gid: 104 })
  })

  test('is nobody where there is no postgres', () => {
    expect(pickServiceUser([root, nobody].join('\n'))).toMatchObject({ name: 'nobody', uid: 65_534 })
  })

  test('is the one named, never root, never a negative number', () => {
    expect(pickServiceUser([root, nobody, postgres].join('\n'), 'nobody')).toMatchObject({ name: 'nobody' })
    expect(pickServiceUser(root, 'root')).toBeUndefined()
    expect(pickServiceUser('nobody:*:-2:-2::/:')).toBeUndefined()
    expect(pickServiceUser([root, postgres].join('\n'), 'ocelli')).toBeUndefined()
    expect(pickServiceUser('')).toBeUndefined()
  })
})

test.skipIf(process.platform === 'win32')('the outermost closed folder on the way is found', async () => {
  const top = await realpath(await mkdtemp(join(tmpdir(), 'ocelli-closed-')))
  onTestFinished(() => rm(top, { recursive: true }))
  const inner = join(top, 'a', 'b')
  await mkdir(inner, { recursive: true })
  const stranger = { name: 'stranger', uid: 54_321, gid: 54_321 }
  expect(await findClosedFolder(inner, stranger)).toBe(top)
  await chmod(top, 0o711)
  await chmod(join(top, 'a'), 0o700)
  expect(await findClosedFolder(inner, stranger)).toBe(join(top, 'a'))
  await chmod(join(top, 'a'), 0o711)
  await chmod(inner, 0o711)
  expect(await findClosedFolder(inner, stranger)).toBeUndefined()
  const ourselves = { name: 'me', uid: process.geteuid?.() ?? 0, gid: 54_321 }
  await chmod(inner, 0o077)
  expect(await findClosedFolder(inner, ourselves)).toBe(inner)
  await chmod(inner, 0o700)
})
