import { encodeLicenseFile, signLicense, verifyLicense } from '@ocelli/license'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase } from '../../../test/postgres/create-test-database.ts'
import { exportRootKey, rotateKey, showKeys } from '../../commands/keys-commands.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { describeLicenseKeys, type LicenseKeyring, openLicenseKeyring, rotateSigningKey } from './license-keyring.ts'
import { createVault } from './master-key.ts'

let db: Database
let close: () => Promise<void>
const vault = createVault(Buffer.alloc(32, 7))
const issuedAt = 1_800_000_000
const pair = { deviceId: 'camera', appId: 'com.example.app' }

beforeAll(async () => {
  const database = await createTestDatabase()
  const opened = openDatabase({ ...database, maxConnections: 4, onError: () => {} })
  db = opened.db
  close = async () => {
    await opened.close()
    await database.drop()
  }
})
afterAll(() => close?.())
beforeEach(() => sql`DELETE FROM instance_key`.execute(db))

const openKeyring = () => openLicenseKeyring(db, vault, () => issuedAt * 1000)

async function licenseBy({ signing, keyCertificate }: LicenseKeyring): Promise<string> {
  const claims = { jti: 'L', sub: pair.deviceId, app: pair.appId, typ: 'FULL' as const, ord: null, iat: issuedAt }
  return encodeLicenseFile({ token: await signLicense({ key: signing, claims }), keyCertificate })
}

test('a license file of before a rotation verifies after it, with the root alone and with the published keys', async () => {
  const keyring = await openKeyring()
  const before = await licenseBy(keyring)
  const { root } = keyring
  for (let year = 0; year < 3; year++) {
    await rotateSigningKey(db, vault)
    expect(await keyring.refresh()).toBe(true)
  }
  const now = new Date((issuedAt + 4 * 365 * 86_400) * 1000)
  for (const file of [before, await licenseBy(keyring)]) {
    expect(await verifyLicense(file, { trust: [root], ...pair, now })).toMatchObject({ valid: true })
    const [token = ''] = file.split('~')
    expect(await verifyLicense(token, { trust: keyring.publicKeys, ...pair, now })).toMatchObject({ valid: true })
  }
  expect(keyring.root).toEqual(root)
})

test('a running process takes up a rotation by another one, token and certificate together', async () => {
  const [here, there] = [await openKeyring(), await openKeyring()]
  const old = here.signing.kid
  const keyId = await rotateSigningKey(db, vault)
  expect([here.signing.kid, await here.refresh(), here.signing.kid]).toEqual([old, true, keyId])
  expect(await here.refresh()).toBe(false)
  // a process that has not looked yet signs with the old key, and what it signs verifies as well
  for (const keyring of [here, there]) {
    const result = await verifyLicense(await licenseBy(keyring), { trust: [here.root], ...pair, now: null })
    expect(result).toMatchObject({ valid: true })
  }
})

test('the schedule replaces a key that is old enough, once, however many processes look', async () => {
  await openKeyring()
  expect(await rotateSigningKey(db, vault, { olderThanDays: 365 })).toBeNull()
  await sql`UPDATE instance_key SET created_at = now() - interval '366 days'`.execute(db)
  const rotated = await Promise.all(
    Array.from({ length: 8 }, () => rotateSigningKey(db, vault, { olderThanDays: 365 })),
  )
  expect(rotated.filter((keyId) => keyId !== null)).toHaveLength(1)
  const overview = await describeLicenseKeys(db)
  expect(overview?.signing.map(({ retiredAt }) => retiredAt === null)).toEqual([true, false])
})

test('the private half of a replaced key is gone, and every private half that stays is sealed', async () => {
  const keyring = await openKeyring()
  const { d } = keyring.signing
  await rotateSigningKey(db, vault)
  const { rows } = await sql<{ purpose: string; sealed: string; retired: boolean }>`
    SELECT purpose, sealed_private_part AS sealed, retired_at IS NOT NULL AS retired FROM instance_key`.execute(db)
  expect(rows).toHaveLength(3)
  for (const { sealed, retired } of rows) {
    expect(sealed === '').toBe(retired)
    expect(sealed).not.toContain(d)
    if (!retired) expect(sealed).toMatch(/^v1\./)
  }
  expect(() => createVault(Buffer.alloc(32, 8)).unseal(rows.find((row) => !row.retired)?.sealed ?? '', 'x')).toThrow(
    'does not open',
  )
})

test('commands show, rotate and export: the exported root is the one whose thumbprint is shown', async () => {
  const keyring = await openKeyring()
  const run = async (command: typeof showKeys) => {
    const seen = { printed: '', said: '' }
    const code = await command(
      { db, vault },
      {
        print: (text) => {
          seen.printed += text
        },
        say: (text) => {
          seen.said += text
        },
      },
    )
    return { ...seen, code }
  }
  const rotated = await run(rotateKey)
  expect(rotated.code).toBe(0)
  expect(await keyring.refresh()).toBe(true)
  expect(rotated.printed.trim()).toBe(keyring.signing.kid)
  const shown = await run(showKeys)
  expect(shown.printed).toContain(`root     ${keyring.root.kid}\n`)
  expect(shown.printed).toMatch(new RegExp(`signing  ${keyring.signing.kid}  since \\S+  in use`))
  const exported = JSON.parse((await run(exportRootKey)).printed)
  expect(exported).toMatchObject({ ...keyring.root, d: expect.any(String) })
  expect(shown.printed).not.toContain(exported.d)

  await sql`DELETE FROM instance_key`.execute(db)
  expect(await run(showKeys)).toMatchObject({ code: 1, printed: '' })
  expect((await run(rotateKey)).said).toContain('start the platform once')
})
