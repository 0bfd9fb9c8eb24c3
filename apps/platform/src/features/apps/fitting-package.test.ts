import { readFile } from 'node:fs/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { openDatabase } from '../../platform/database/database.ts'
import { findFittingPackage, newestFitting, type PackageTarget } from './fitting-package.ts'
import { refreshUpdatable } from './refresh-updatable.ts'

const database = await createTestDatabase()
const { db, close } = openDatabase({ ...database, maxConnections: 3, onError: () => {} })
const accountId = '00000000-0000-4000-8000-000000000001'
const anyDevice = { appFormats: [], architecture: null, platformLevel: null, firmwareVersion: null, unsignedApps: null }

beforeAll(async () => {
  await sql`INSERT INTO account (account_id, name) VALUES (${accountId}, 'Acme')`.execute(db)
  await addApp('fit', [
    { code: 1, architectures: [], level: 21 },
    { code: 2, architectures: ['arm64-v8a'], level: 21 },
    { code: 2, architectures: [], level: 26 },
    { code: 3, architectures: ['x86_64'], level: 30 },
    { code: 4, architectures: [], level: 21, withdrawn: true },
  ])
  await addApp('empty', [])
})
afterAll(async () => {
  await close()
  await database.drop()
})

test.each([
  ['a device of which nothing is known gets the newest', anyDevice, undefined, 3],
  ['another architecture gets the newest for it', { ...anyDevice, architecture: 'arm64-v8a' }, undefined, 2],
  [
    'an old platform gets what still runs there',
    { ...anyDevice, architecture: 'x86', platformLevel: 25 },
    undefined,
    1,
  ],
  ['a version asked for is given', anyDevice, '1.0', 1],
] as const)('%s', async (_case, device, version, versionCode) => {
  const found = await findFittingPackage(db, { device, appId: 'fit', version })
  expect(found).toMatchObject({ kind: 'fits', package: { versionCode, version: `${versionCode}.0`, format: 'apk' } })
})

test('the package made for the architecture comes before the one for any', async () => {
  const device = { ...anyDevice, architecture: 'arm64-v8a', platformLevel: 33 }
  const found = await findFittingPackage(db, { device, appId: 'fit', version: '2.0' })
  expect(found.kind === 'fits' && found.package.sha256).toBe('2arm64-v8a')
})

test('what cannot be chosen is told apart, and an incompatible package says why', async () => {
  const find = (appId: string, version: string | undefined, device = {}) =>
    findFittingPackage(db, { device: { ...anyDevice, ...device }, appId, version })
  expect(await find('empty', undefined)).toEqual({ kind: 'none-published' })
  expect(await find('fit', '9.0')).toEqual({ kind: 'unknown-version' })
  expect(await find('fit', '4.0')).toEqual({ kind: 'unknown-version' })
  expect(await find('fit', '3.0', { architecture: 'armeabi' })).toEqual({
    kind: 'incompatible',
    detail: 'Version 3.0 is made for x86_64; this device is armeabi.',
  })
  expect(await find('fit', undefined, { platformLevel: 20 })).toMatchObject({
    detail: expect.stringContaining('needs platform level'),
  })
  expect(await find('fit', undefined, { appFormats: ['eap'] })).toMatchObject({
    detail: expect.stringContaining('this device takes .eap'),
  })
})

const axis = { ...anyDevice, appFormats: ['eap'], architecture: 'aarch64', firmwareVersion: '11.11.73' }

test.each([
  ['its architecture and version of AXIS OS', axis, 'aarch64-old'],
  ['the upper bound holds for all that begins with it', { ...axis, firmwareVersion: '13.4.2' }, 'aarch64-new'],
  ['the lower bound is included', { ...axis, firmwareVersion: '12.0' }, 'aarch64-new'],
  ['another architecture', { ...axis, architecture: 'armv7hf', firmwareVersion: '9.80.1' }, 'armv7hf'],
  ['signed before unsigned', { ...axis, architecture: 'armv7hf' }, 'armv7hf-signed'],
  ['signed apps only', { ...axis, architecture: 'armv7hf', unsignedApps: false }, 'armv7hf-signed'],
  [
    'a version that cannot be read stands against nothing',
    { ...axis, architecture: 'armv7hf', firmwareVersion: 'beta' },
    'armv7hf-signed',
  ],
] as const)('an Axis camera gets its own package: %s', async (_case, device, sha256) => {
  await addEaps()
  const found = await findFittingPackage(db, { device, appId: 'eaps' })
  expect(found).toMatchObject({ kind: 'fits', package: { format: 'eap', sha256 } })
})

test.each([
  [{ ...axis, firmwareVersion: '9.80.1' }, 'is made for AXIS OS '],
  [{ ...axis, firmwareVersion: '14.0' }, 'this device has AXIS OS 14.0'],
  [{ ...axis, architecture: 'mips' }, 'this device is mips'],
] as const)('an Axis camera without a package is told why: %s', async (device, why) => {
  await addEaps()
  expect(await findFittingPackage(db, { device, appId: 'eaps' })).toMatchObject({
    kind: 'incompatible',
    detail: expect.stringContaining(why),
  })
})

test('an unsigned package, and one that names no version for AXIS OS 13, are explained', async () => {
  await addEaps()
  const find = (device: PackageTarget) => findFittingPackage(db, { device, appId: 'plain-eap' })
  expect(await find({ ...axis, unsignedApps: false })).toMatchObject({
    detail: expect.stringContaining('is not signed'),
  })
  expect(await find({ ...axis, firmwareVersion: '13.0.1' })).toMatchObject({
    detail: expect.stringContaining('is made for AXIS OS before 13'),
  })
  expect(await find({ ...axis, unsignedApps: true })).toMatchObject({ kind: 'fits' })
})

test('publishing and changed facts make exactly those devices updatable that have something newer', async () => {
  await addDevice('old', { code: 1 })
  await addDevice('arm', { code: 1, architecture: 'arm64-v8a' })
  await addDevice('arm-newest', { code: 2, architecture: 'arm64-v8a' })
  await addDevice('foreign', { code: 1, managed: false })
  await addDevice('too-old', { code: 1, level: 20 })
  await refreshUpdatable(db, { appId: 'fit' })
  expect(await updatable()).toEqual(['arm', 'old'])

  await sql`UPDATE device SET architecture = 'x86_64', platform_level = 30 WHERE device_id = 'arm-newest'`.execute(db)
  await sql`UPDATE installation SET installed_version_code = 3 WHERE device_id = 'old'`.execute(db)
  await refreshUpdatable(db, { accountId, deviceIds: ['arm-newest', 'old'] })
  expect(await updatable()).toEqual(['arm', 'arm-newest'])
})

test('a device stays updatable by its other app', async () => {
  await addApp('other', [{ code: 2, architectures: [], level: 1 }])
  await addDevice('two', { code: 3 })
  await sql`INSERT INTO installation (account_id, device_id, app_id, managed, present, installed_version_code)
    VALUES (${accountId}, 'two', 'other', true, true, 1)`.execute(db)
  await refreshUpdatable(db, { appId: 'other' })
  await refreshUpdatable(db, { appId: 'fit' })
  expect(await updatable()).toContain('two')
  await sql`UPDATE app_version SET withdrawn_at = now() WHERE app_id = 'other'`.execute(db)
  await refreshUpdatable(db, { appId: 'other' })
  expect(await updatable()).not.toContain('two')
})

test('newestFitting joins beside a device', async () => {
  const { rows } = await sql<{ device_id: string; version: string | null }>`
    SELECT d.device_id, newest.version FROM device d LEFT JOIN LATERAL ${newestFitting(sql`'fit'`)} ON true
    WHERE d.device_id IN ('arm', 'too-old') ORDER BY d.device_id`.execute(db)
  expect(rows).toEqual([
    { device_id: 'arm', version: '2.0' },
    { device_id: 'too-old', version: null },
  ])
})

/** One version in packages for several cameras, and an app with one that says nothing. */
async function addEaps() {
  for (const appId of ['eaps', 'plain-eap']) {
    await sql`INSERT INTO app (app_id, account_id, name) VALUES (${appId}, ${accountId}, ${appId}) ON CONFLICT DO NOTHING`.execute(
      db,
    )
    await sql`INSERT INTO app_version (app_id, version_code, version) VALUES (${appId}, 1, '1.0.0') ON CONFLICT DO NOTHING`.execute(
      db,
    )
  }
  const add = async (appId: string, sha256: string, ranges: object[]) => {
    const [architecture = ''] = sha256.split('-')
    await sql`INSERT INTO app_package (app_id, version_code, format, architectures, size, sha256, eap, os_versions, is_signed)
      VALUES (${appId}, 1, 'eap', ${[architecture]}, 10, ${sha256}, '{}', ${JSON.stringify(ranges)}::jsonb, ${sha256.endsWith('-signed')})
      ON CONFLICT DO NOTHING`.execute(db)
  }
  await add('eaps', 'aarch64-old', [{ min: '10.12', max: '11' }])
  await add('eaps', 'aarch64-new', [{ min: '12.0', max: '13' }])
  await add('eaps', 'armv7hf', [{ max: '12' }])
  await add('eaps', 'armv7hf-signed', [{ min: '11', max: '11.11' }])
  await add('plain-eap', 'aarch64', [])
}

test('a package from before its schemes were looked at is held to the level that verifies it', async () => {
  await addApp('kept', [
    { code: 1, architectures: [], level: 21 },
    { code: 2, architectures: [], level: 21 },
    { code: 3, architectures: [], level: 30 },
    { code: 4, architectures: [], level: 21 },
  ])
  for (const [code, levels] of [
    [1, [28]],
    [2, [0, 28]],
    [3, [28]],
  ] as const) {
    const signatures = JSON.stringify(levels.map((minLevel) => ({ minLevel })))
    await sql`UPDATE app_package SET signatures = ${signatures}::jsonb WHERE app_id = 'kept' AND version_code = ${code}`.execute(
      db,
    )
  }
  const migration = new URL('../../platform/database/migrations/0036-levels-that-verify.sql', import.meta.url)
  await sql.raw(await readFile(migration, 'utf8')).execute(db)
  const { rows } = await sql<{
    level: number
  }>`SELECT min_platform_level AS level FROM app_package WHERE app_id = 'kept'
    ORDER BY version_code`.execute(db)
  expect(rows.map(({ level }) => level)).toEqual([28, 21, 30, 21])
})

interface VersionSpec {
  code: number
  architectures: string[]
  level: number
  withdrawn?: boolean
}

async function addApp(appId: string, versions: VersionSpec[]) {
  await sql`INSERT INTO app (app_id, account_id, name, signer_sha256) VALUES (${appId}, ${accountId}, ${appId}, 'x')`.execute(
    db,
  )
  for (const { code, architectures, level, withdrawn = false } of versions) {
    await sql`INSERT INTO app_version (app_id, version_code, version, withdrawn_at)
      VALUES (${appId}, ${code}, ${`${code}.0`}, ${withdrawn ? sql`now()` : null}) ON CONFLICT DO NOTHING`.execute(db)
    await sql`INSERT INTO app_package (app_id, version_code, format, architectures, min_platform_level, size, sha256)
      VALUES (${appId}, ${code}, 'apk', ${architectures}, ${level}, 10, ${`${code}${architectures.join()}`})`.execute(
      db,
    )
  }
}

async function addDevice(
  deviceId: string,
  facts: { code: number; architecture?: string; level?: number; managed?: boolean },
) {
  await sql`INSERT INTO device (account_id, device_id, state, architecture, platform_level, app_formats)
    VALUES (${accountId}, ${deviceId}, 'UNCLAIMED', ${facts.architecture ?? null}, ${facts.level ?? null}, '{apk}')`.execute(
    db,
  )
  await sql`INSERT INTO installation (account_id, device_id, app_id, managed, present, installed_version_code)
    VALUES (${accountId}, ${deviceId}, 'fit', ${facts.managed ?? true}, true, ${facts.code})`.execute(db)
}

/** Devices by their own flag, which must agree with that of their installations. */
async function updatable(): Promise<string[]> {
  const { rows } = await sql<{ device_id: string; agrees: boolean }>`
    SELECT device_id, apps_update_possible AND EXISTS (SELECT 1 FROM installation i
      WHERE i.account_id = d.account_id AND i.device_id = d.device_id AND i.updatable) AS agrees
    FROM device d WHERE apps_update_possible ORDER BY device_id`.execute(db)
  expect(rows.every((row) => row.agrees)).toBe(true)
  return rows.map((row) => row.device_id)
}
