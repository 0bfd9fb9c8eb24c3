import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { backupCommand, exportCommand, importCommand } from '../src/commands/export-commands.ts'
import { prepareSignIn } from '../src/features/sign-in/people.ts'
import { openBlobStore } from '../src/platform/blob-store/blob-store.ts'
import { type Database, openDatabase } from '../src/platform/database/database.ts'
import { migrate } from '../src/platform/database/migrate.ts'
import { byPlatform, emitEvents } from '../src/platform/events/emit.ts'
import { licenseKeys } from '../src/platform/keys/instance-keys.ts'
import { createVault, loadMasterKey } from '../src/platform/keys/master-key.ts'
import { addDevice, addOrder, publishApp } from './installation-fixture.ts'
import { postgresFolders, quiet, startIn } from './postgres/postgres-folder.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const folders = postgresFolders()
const said: string[] = []
const original = process.stderr.write
beforeAll(() => {
  process.stderr.write = ((text: string) => said.push(text) > 0) as typeof process.stderr.write
})
afterAll(() => {
  process.stderr.write = original
})

const appId = 'com.example.counter'
const packageBytes = Buffer.from('1234567890')
const environmentOf = (folder: string) => ({ OCELLI_HOME: folder })

/** A platform's data folder with a device, an installed app on one of three units, people, events and a package. */
async function usedFolder() {
  const folder = await folders.initialized()
  const { connectionString, stop } = await startIn(folder)
  await migrate(connectionString)
  await prepareSignIn({ connectionString, log: quiet })
  const { db, close } = openDatabase({ connectionString, maxConnections: 2, onError: () => {} })
  await licenseKeys(db, createVault(await loadMasterKey({ fromEnvironment: null, dataFolder: folder })), Date.now())
  const account = await db
    .insertInto('account')
    .values({ name: 'Ünïcode "Ltd"\n', is_operator: true })
    .returning('account_id')
    .executeTakeFirstOrThrow()
  const accountId = account.account_id
  await publishApp(db, { accountId, appId, versions: [1] })
  const blobs = await openBlobStore({ blobUrl: null, folder: join(folder, 'blobs'), nowMs: Date.now })
  const { sha256, size } = await blobs.put(Readable.from([packageBytes]), { maxBytes: 100 })
  await db.updateTable('app_package').set({ sha256, size }).execute()
  const orderId = await addOrder(db, { accountId, appId, total: 3 })
  const { deviceId } = await addDevice(db, accountId)
  const pair = { account_id: accountId, app_id: appId, device_id: deviceId }
  const { license_id } = await db
    .insertInto('license')
    .values({
      ...pair,
      license_type: 'FULL',
      state: 'VALID',
      order_id: orderId,
      token: 'a.b.c',
      key_certificate: 'd.e.f',
    })
    .returning('license_id')
    .executeTakeFirstOrThrow()
  await db
    .insertInto('installation')
    .values({ ...pair, presence: 'PRESENT', managed: true, license_id, installation_state: 'INSTALLED', present: true })
    .execute()
  for (const device of ['one', 'two', 'three'])
    await emitEvents(db, byPlatform, [{ type: 'device.changed', accountId, deviceId: device, data: { a: [1, null] } }])
  const { rows } = await sql<{ session: number }>`SELECT setval('gateway_session', 4711) AS session`.execute(db)
  expect(rows).toEqual([{ session: 4711 }])
  await close()
  return { folder, connectionString, stop, accountId, orderId, deviceId, sha256 }
}

async function freshFolder(from: string): Promise<string> {
  const folder = await folders.empty()
  await mkdir(join(folder, 'pg'), { recursive: true })
  await copyFile(join(from, 'master.key'), join(folder, 'master.key'))
  return folder
}

async function withDatabaseIn<T>(folder: string, work: (db: Database, connectionString: string) => Promise<T>) {
  const { connectionString, stop } = await startIn(folder)
  const { db, close } = openDatabase({ connectionString, maxConnections: 2, onError: () => {} })
  try {
    return await work(db, connectionString)
  } finally {
    await close()
    await stop()
  }
}

/** Without what names the moment, and what a database numbers by itself. */
const contentOf = async (file: string) =>
  gunzipSync(await readFile(file))
    .toString()
    .split('\n')
    .slice(1)
    .map((line) => line.replace(/"event_id":\d+,|"xid":"\d+",/g, ''))

test('carries everything into a fresh folder: installations, licenses, counters, keys, events in their order', async () => {
  const used = await usedFolder()
  const file = join(used.folder, 'ocelli.export')
  await exportCommand(file, environmentOf(used.folder))
  expect((await stat(file)).mode & 0o077).toBe(0)
  await used.stop()

  const fresh = await freshFolder(used.folder)
  said.length = 0
  expect(await importCommand(file, environmentOf(fresh))).toBe(1)
  expect(said.join('')).toContain(used.sha256)

  const again = join(fresh, 'again.export')
  await exportCommand(again, environmentOf(fresh))
  expect(await contentOf(again)).toEqual(await contentOf(file))

  await withDatabaseIn(fresh, async (db) => {
    const { accountId, deviceId, orderId } = used
    const installation = await db.selectFrom('installation').selectAll().executeTakeFirstOrThrow()
    expect(installation).toMatchObject({ device_id: deviceId, app_id: appId, installation_state: 'INSTALLED' })
    const order = () => db.selectFrom('app_order').select(['total', 'used']).executeTakeFirstOrThrow()
    expect(await order()).toEqual({ total: 3, used: 1 })
    const vault = createVault(await loadMasterKey({ fromEnvironment: null, dataFolder: fresh }))
    expect((await licenseKeys(db, vault, Date.now())).publicKeys).toHaveLength(2)
    const events = () => db.selectFrom('event').select('device_id').orderBy('xid').orderBy('event_id').execute()
    await emitEvents(db, byPlatform, [{ type: 'device.changed', accountId, deviceId: 'four' }])
    expect((await events()).map(({ device_id }) => device_id)).toEqual(['one', 'two', 'three', 'four'])
    const { rows } = await sql<{ session: number }>`SELECT nextval('gateway_session') AS session`.execute(db)
    expect(rows[0]?.session).toBeGreaterThan(4711)
    // Triggers and references work as before.
    const license = { account_id: accountId, app_id: appId, device_id: 'other', license_type: 'FULL' as const }
    await db
      .insertInto('license')
      .values({ ...license, state: 'RESERVED', order_id: orderId })
      .execute()
    expect(await order()).toEqual({ total: 3, used: 2 })
    await expect(sql`DELETE FROM account`.execute(db)).rejects.toMatchObject({ code: '23503' })
  })
})

test('refuses what would end in half a platform, and leaves nothing behind', async () => {
  const used = await usedFolder()
  const file = join(used.folder, 'ocelli.export')
  await exportCommand(file, environmentOf(used.folder))
  const refused = expect(importCommand(file, environmentOf(used.folder)))
  await refused.rejects.toMatchObject({ code: 'export-unusable', message: expect.stringContaining('in use') })
  await used.stop()

  const lines = gunzipSync(await readFile(file))
    .toString()
    .split('\n')
  const fresh = await freshFolder(used.folder)
  const damaged: Record<string, Buffer> = {
    torn: gzipSync(lines.slice(0, -2).join('\n')),
    'cut off': (await readFile(file)).subarray(0, -50),
    'short of a row': gzipSync(lines.filter((line) => !line.includes('"installation_state"')).join('\n')),
    'not an export': Buffer.from('something else'),
  }
  for (const [what, bytes] of Object.entries(damaged)) {
    const path = join(fresh, 'damaged.export')
    await writeFile(path, bytes)
    await expect(importCommand(path, environmentOf(fresh)), what).rejects.toMatchObject({ code: 'export-unusable' })
  }
  const otherKey = { ...environmentOf(fresh), OCELLI_MASTER_KEY: createHash('sha256').update('x').digest('base64') }
  await expect(importCommand(file, otherKey)).rejects.toThrow(/master key/)

  expect(await importCommand(file, environmentOf(fresh))).toBe(1)
})

test('a backup holds the export and the packages, and says that the master key is not in it', async () => {
  const used = await usedFolder()
  const target = join(used.folder, 'backup')
  said.length = 0
  await backupCommand(target, {}, environmentOf(used.folder))
  expect(said.join('')).toContain('MASTER KEY IS NOT IN THIS BACKUP')
  // what an export without packages says
  expect(said.join('')).not.toContain('Not in it')
  const { sha256 } = used
  expect(await readFile(join(target, 'blobs', sha256.slice(0, 2), sha256.slice(2)))).toEqual(packageBytes)
  await expect(stat(join(target, 'master.key'))).rejects.toMatchObject({ code: 'ENOENT' })

  said.length = 0
  await backupCommand(target, { withMasterKey: true }, environmentOf(used.folder))
  expect(said.join('')).not.toContain('IS NOT IN THIS BACKUP')
  expect(await readFile(join(target, 'master.key'))).toEqual(await readFile(join(used.folder, 'master.key')))
})
