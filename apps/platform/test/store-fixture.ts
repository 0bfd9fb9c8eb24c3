import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Permission } from '@ocelli/contract'
import { appsRoutes } from '../src/features/apps/apps-routes.ts'
import { acceptPackages } from '../src/features/apps/package-upload.ts'
import { ordersRoutes } from '../src/features/orders/orders-routes.ts'
import { openBlobStore } from '../src/platform/blob-store/blob-store.ts'
import { createTestPlatform } from './test-platform.ts'

const storePermissions: Permission[] = ['apps:view', 'apps:publish', 'store:purchase']
const { resolve } = createRequire(import.meta.url)

/** Path of a real .apk that an npm package of the workspace carries. */
const realPackage = (name: string, file: string) => join(dirname(resolve(`${name}/package.json`)), 'apks', file)
export const apiDemos = (versionCode: 22 | 24 | 25) =>
  readFile(realPackage(`android-apidemos-${versionCode}`, 'ApiDemos-debug.apk'))
export const appiumSettings = () => readFile(realPackage('io.appium.settings', 'settings_apk-debug.apk'))
export const apiDemosId = 'io.appium.android.apis'

/** The store's routes on a database and a blob folder of their own; accounts are called by a machine of theirs. */
export async function createStoreFixture(options: { maxPackageBytes?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-store-'))
  const blobs = await openBlobStore({ blobUrl: null, folder, nowMs: Date.now })
  const { maxPackageBytes = 2 ** 32 } = options
  const platform = await createTestPlatform(
    ({ db, nowMs }) => [
      ...appsRoutes({ db, blobs, linkKey: new Uint8Array(32).fill(7), nowMs, maxPackageBytes }),
      ...ordersRoutes(),
    ],
    acceptPackages,
  )
  const { app } = platform
  const machine = (accountId: string, { permissions = storePermissions, projectIds = null as string[] | null } = {}) =>
    platform.machine(accountId, { permissions, projectIds })

  return {
    ...platform,
    blobs,
    folder,
    machine,
    async account(permissions: Permission[] = storePermissions, operator = false) {
      const { accountId } = await platform.account({ permissions: [], operator })
      return { accountId, headers: await machine(accountId, { permissions }) }
    },
    publish: (headers: Record<string, string>, payload: Buffer, query = '') =>
      app.inject({
        method: 'POST',
        url: `/store/v1/packages${query}`,
        headers: { ...headers, 'content-type': 'application/octet-stream' },
        payload,
      }),
    /** Files of the blob folder: those kept, and those that should not have stayed. */
    async files() {
      const found = await readdir(folder, { recursive: true, withFileTypes: true })
      return found.filter((entry) => entry.isFile()).length
    },
    async close() {
      await platform.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
