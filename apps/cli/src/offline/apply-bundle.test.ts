import { randomBytes, randomUUID } from 'node:crypto'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateLicenseKey, signReceipt, verifyReceipt } from '@ocelli/license'
import { afterAll, expect, test } from 'vitest'
import { appId, createOfflineFixture, login, now, openQuickly } from '../../test/offline-fixture.ts'
import { type ApplyOptions, applyBundle } from './apply-bundle.ts'
import { openBundle, writeBundle } from './bundle-file.ts'
import { openReceiptBook } from './receipt-book.ts'

const fixture = await createOfflineFixture()
afterAll(fixture.remove)
const { signal } = new AbortController()

async function makeBundle(deviceIds: string[]) {
  const path = join(fixture.folder, `${randomUUID()}.tar`)
  const content = {
    manifest: await fixture.manifest(deviceIds),
    keyCertificate: fixture.keyCertificate,
    packages: [fixture.package],
  }
  await writeBundle(path, content, signal)
  return await openBundle(path, { rootThumbprint: fixture.root.kid, now, folder: `${path}.unpacked`, signal })
}

const openBook = (name: string) =>
  openReceiptBook({ folder: fixture.folder, name, nowMs: () => now.getTime(), randomBytes })

async function apply(options: Pick<ApplyOptions, 'bundle' | 'book'> & { addresses: string[]; password?: string }) {
  const { addresses, password = login.password, ...rest } = options
  return await applyBundle({
    ...{ ...rest, openCamera: openQuickly, concurrency: 2, start: true, now: () => now, signal, onProgress: () => {} },
    cameras: addresses.map((address) => ({ address, user: login.user, password })),
  })
}

const uploadsTo = (camera: { requests: readonly { operation: string }[] }) =>
  camera.requests.filter(({ operation }) => operation === 'Upload').length

const originOf = (camera: { url: string }) => new URL(camera.url).origin

test('an app and its license come to the cameras that the bundle names, and run there', async () => {
  const cameras = await Promise.all(['CAM-A', 'CAM-B', 'CAM-C'].map((deviceId) => fixture.startCamera({ deviceId })))
  const bundle = await makeBundle(['CAM-A', 'CAM-B'])
  const book = await openBook(bundle.claims.jti)
  const outcomes = await apply({ bundle, book, addresses: cameras.map(originOf) })
  expect(
    outcomes.map(({ deviceId, apps, error }) => ({ deviceId, results: apps.map(({ result }) => result), error })),
  ).toEqual([
    { deviceId: 'CAM-A', results: ['INSTALLED'], error: null },
    { deviceId: 'CAM-B', results: ['INSTALLED'], error: null },
    { deviceId: 'CAM-C', results: [], error: null },
  ])
  expect(cameras.map((camera) => camera.apps().map(({ appId: id, state }) => [id, state]))).toEqual([
    [[appId, 'Active']],
    [[appId, 'Active']],
    [],
  ])
  const booked = await book.entries()
  expect(booked.map(({ deviceId, result, version }) => [deviceId, result, version]).sort()).toEqual([
    ['CAM-A', 'INSTALLED', '4.0.0'],
    ['CAM-B', 'INSTALLED', '4.0.0'],
  ])
  await book.close()

  // once more, as after a crash behind the cameras' back: nothing is sent twice, and nothing is told twice
  const again = await openBook(bundle.claims.jti)
  const uploadsBefore = cameras.map((camera) => uploadsTo(camera))
  await apply({ bundle, book: again, addresses: cameras.map(originOf) })
  expect(await again.entries()).toHaveLength(2)
  expect(cameras.map((camera) => uploadsTo(camera))).toEqual(uploadsBefore)
  await again.close()
  await Promise.all(cameras.map((camera) => camera.close()))
})

test('a wrong password, an address without a camera and a refusing camera stop no other', async () => {
  const good = await fixture.startCamera({ deviceId: 'CAM-D' })
  const failing = await fixture.startCamera({ deviceId: 'CAM-E', faults: { failInstall: 'Error: 2' } })
  const bundle = await makeBundle(['CAM-D', 'CAM-E'])
  const book = await openBook(bundle.claims.jti)
  const outcomes = await apply({ bundle, book, addresses: ['http://127.0.0.1:9', originOf(failing), originOf(good)] })
  expect(outcomes[0]?.error?.code).toBe('unreachable')
  expect(outcomes[1]?.apps[0]?.result).toBe('FAILED')
  expect(outcomes[2]?.apps[0]?.result).toBe('INSTALLED')
  const refused = await apply({ bundle, book, addresses: [originOf(good)], password: 'wrong' })
  expect(refused[0]).toMatchObject({ apps: [], error: { code: 'credentials-refused' } })
  await book.close()
  await Promise.all([good.close(), failing.close()])
})

test('a license that was reported removed is not brought back by the same bundle', async () => {
  const camera = await fixture.startCamera({ deviceId: 'CAM-F' })
  const bundle = await makeBundle(['CAM-F'])
  const [license] = bundle.claims.licenses
  const book = await openBook(bundle.claims.jti)
  await book.add({
    licenseId: license?.licenseId ?? '',
    deviceId: 'CAM-F',
    appId,
    result: 'REMOVED',
    version: null,
    detail: null,
  })
  const [outcome] = await apply({ bundle, book, addresses: [originOf(camera)] })
  expect(outcome?.apps).toMatchObject([{ result: 'REFUSED' }])
  expect(camera.apps()).toEqual([])
  await book.close()
  await camera.close()
})

test('a line that a crash cut off is dropped; any other damage is told', async () => {
  const entry = {
    licenseId: randomUUID(),
    deviceId: 'CAM-G',
    appId,
    result: 'INSTALLED' as const,
    version: '1',
    detail: null,
  }
  const book = await openBook('torn')
  const written = await book.add(entry)
  await book.close()
  const path = join(fixture.folder, 'torn.receipts.jsonl')
  await appendFile(path, '{"licenseId":"half')
  const again = await openBook('torn')
  expect(await again.entries()).toEqual([written])
  await again.add({ ...entry, result: 'REMOVED' })
  await again.close()
  const third = await openBook('torn')
  expect((await third.entries()).map(({ result }) => result)).toEqual(['INSTALLED', 'REMOVED'])
  await third.close()
  await appendFile(path, 'rubbish\n{"licenseId":"x","nonce":"y"}\n')
  await expect(openBook('torn')).rejects.toMatchObject({ code: 'receipts-damaged' })
})

test('words of a camera that are too long for a receipt, or cut inside a sign, never keep the rest from being reported', async () => {
  const name = randomUUID()
  const entry = { licenseId: randomUUID(), deviceId: 'CAM-WORDS', appId, result: 'FAILED' } as const
  const book = await openBook(name)
  await book.add({ ...entry, version: '9'.repeat(5000), detail: `${'x'.repeat(999)}😀 and so on` })
  await book.close()
  // as written before this was minded
  const old = { ...entry, version: null, detail: '\ud83d', at: 1, nonce: randomBytes(16).toString('base64url') }
  await appendFile(join(fixture.folder, `${name}.receipts.jsonl`), `${JSON.stringify(old)}\n`)
  const entries = await (await openBook(name)).entries()
  expect(entries.map(({ detail }) => detail)).toEqual([`${'x'.repeat(999)}\ufffd`, '\ufffd'])
  const { privateKey: key, publicKey } = await generateLicenseKey()
  const claims = { jti: randomUUID(), bundle: null, iat: 1, entries: [...entries] }
  const receipt = await signReceipt({ key, claims })
  expect(await verifyReceipt(receipt, { trust: [publicKey] })).toMatchObject({ valid: true, claims })
})
