import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { addressSettings, defaultSettings, renderConf, replaceFile } from './server-conf.ts'

test('a value is quoted, whatever it holds', () => {
  expect(renderConf({ work_mem: '8MB', 'my.note': "it's C:\\data" })).toContain(
    "\nwork_mem = '8MB'\nmy.note = 'it''s C:\\\\data'\n",
  )
})

test.each([
  ['work_mem = 1; fsync', 'off'],
  ['work_mem', "8MB'\nfsync = 'off"],
  ['', 'x'],
])('a setting that would smuggle in another is refused: %j', (name, value) => {
  expect(() => renderConf({ [name]: value })).toThrow(TypeError)
})

test('a server listens on its socket alone, or on loopback alone', () => {
  const onSocket = addressSettings({ kind: 'socket', folder: '/srv/pg/18', port: 5432 })
  expect(onSocket).toMatchObject({ listen_addresses: '', unix_socket_directories: '/srv/pg/18' })
  const onLoopback = addressSettings({ kind: 'tcp', host: '127.0.0.1', port: 5433 })
  expect(onLoopback).toEqual({ listen_addresses: '127.0.0.1', unix_socket_directories: '', port: '5433' })
})

test('Windows, which cannot watch sockets, is not asked to', () => {
  expect(defaultSettings('win32')).not.toHaveProperty('client_connection_check_interval')
  expect(defaultSettings('linux')).toHaveProperty('client_connection_check_interval')
})

test('a replaced file has the new text and no leftovers, also after a predecessor was killed at it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-conf-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'a.conf')
  await writeFile(`${path}.new`, 'half wri')
  await writeFile(path, 'old')
  await replaceFile(path, 'new')
  expect(await readFile(path, 'utf8')).toBe('new')
  expect(await readdir(folder)).toEqual(['a.conf'])
  expect((await stat(path)).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o600)
})
