import { createHash, randomBytes } from 'node:crypto'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { packageFile, saveApp } from '../src/node/index.ts'
import { failure, play } from './play.ts'
import { json, problem, type Scene } from './scripted-server.ts'

const file = randomBytes(200_000)
const sha256 = createHash('sha256').update(file).digest('hex')
let path = ''

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-files-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  path = join(folder, 'app.apk')
})

const serve: Scene = (response, received) => {
  const begin = Number(/^bytes=(\d+)-$/.exec(received.headers.range ?? '')?.[1] ?? 0)
  if (begin >= file.length) return problem(416, 'range-not-satisfiable')(response, received)
  response.writeHead(begin > 0 ? 206 : 200, {
    'content-length': file.length - begin,
    'repr-digest': `sha-256=:${createHash('sha256').update(file).digest('base64')}:`,
    ...(begin > 0 ? { 'content-range': `bytes ${begin}-${file.length - 1}/${file.length}` } : {}),
  })
  response.end(file.subarray(begin))
}

test('a package is saved whole, with progress, and no part is left', async () => {
  const { client } = await play([serve])
  const told: number[] = []
  expect(await saveApp(client, { appId: 'x', path, onProgress: (received) => told.push(received) })).toEqual({
    size: file.length,
    sha256,
  })
  expect((await readFile(path)).equals(file)).toBe(true)
  expect(told.at(-1)).toBe(file.length)
  await expect(access(`${path}.part`)).rejects.toThrow()
})

test('a part that is there is gone on with', async () => {
  await writeFile(`${path}.part`, file.subarray(0, 150_000))
  const { client, server } = await play([serve])
  await saveApp(client, { appId: 'x', path })
  expect((await readFile(path)).equals(file)).toBe(true)
  expect(server.received.map(({ headers }) => headers.range)).toEqual(['bytes=150000-'])
})

test('a part of another file is found out, discarded, and the next call is right', async () => {
  await writeFile(`${path}.part`, randomBytes(150_000))
  const { client } = await play([serve])
  expect(await failure(saveApp(client, { appId: 'x', path }))).toMatchObject({ code: 'digest-mismatch' })
  await saveApp(client, { appId: 'x', path })
  expect((await readFile(path)).equals(file)).toBe(true)
})

test('a part is not gone on with where nothing tells whether it is of this file', async () => {
  await writeFile(`${path}.part`, randomBytes(150_000))
  // as behind a proxy that knows no Repr-Digest
  const { client } = await play([(response, received) => serve(withoutDigest(response), received)])
  expect(await saveApp(client, { appId: 'x', path })).toEqual({ size: file.length, sha256: null })
  expect((await readFile(path)).equals(file)).toBe(true)
})

function withoutDigest(response: ServerResponse): ServerResponse {
  const writeHead = response.writeHead.bind(response)
  response.writeHead = ((status: number, { 'repr-digest': _digest, ...headers }: OutgoingHttpHeaders) =>
    writeHead(status, headers)) as typeof response.writeHead
  return response
}

test('a part that is as long as the file or longer is begun anew', async () => {
  for (const length of [file.length, file.length + 10]) {
    await writeFile(`${path}.part`, randomBytes(length))
    const { client } = await play([serve])
    await saveApp(client, { appId: 'x', path })
    expect((await readFile(path)).equals(file)).toBe(true)
  }
})

test('a save that is cancelled leaves its part for the next', async () => {
  const stop = new AbortController()
  const slow: Scene = (response) => {
    response.writeHead(200, { 'content-length': file.length })
    response.write(file.subarray(0, 120_000))
  }
  const { client } = await play([slow, serve])
  const saving = saveApp(client, {
    appId: 'x',
    path,
    signal: stop.signal,
    onProgress: (received) => received >= 120_000 && stop.abort(),
  })
  await expect(saving).rejects.toThrow()
  await saveApp(client, { appId: 'x', path })
  expect((await readFile(path)).equals(file)).toBe(true)
})

test('a file is published from the disk', async () => {
  await writeFile(path, file)
  const { client, server } = await play([json({ appId: 'x', version: '1' }, { status: 201 })])
  await client.apps.publish(await packageFile(path))
  expect(server.received[0]?.headers['content-length']).toBe(String(file.length))
})
