import { randomUUID } from 'node:crypto'
import type { Rollout } from '@ocelli/contract'
import { sql } from 'kysely'
import type { Database } from '../src/platform/database/database.ts'
import { addDevice, addOrder, publishApp, type TestDevice } from './installation-fixture.ts'
import type { TestAccount, TestPlatform } from './test-platform.ts'

/** What the others are made around. */
interface Center {
  db: Database
  owner: TestAccount
  device: TestDevice
  appId: string
  orderId: string
}

/**
 * An account, and one of everything that the paths of the API name: `params` has a row for every parameter. A route with a new
 * parameter adds its row here.
 */
export async function makeOneOfEach(platform: TestPlatform) {
  const { db } = platform
  const owner = await platform.account()
  const { accountId, userId } = owner
  const device = await addDevice(db, accountId)
  const { deviceId, siteId, gatewayId } = device
  const appId = `com.example.${randomUUID().slice(0, 8)}`
  await publishApp(db, { accountId, appId, versions: [1] })
  const orderId = await addOrder(db, { accountId, appId, total: 3 })
  const center: Center = { db, owner, device, appId, orderId }
  const params: Record<string, string> = {
    ...{ accountId, userId, deviceId, siteId, gatewayId, appId, orderId },
    ...{ version: '1.0.1', runningState: 'RUNNING' },
    packageId: await findPackage(center),
    tokenId: await findToken(center),
    licenseId: await addLicense(center),
    projectId: await addProject(center),
    clientId: await addTechnicalUser(center),
    invitationId: await addInvitation(center),
    keyId: await addKeys(center),
    bundleId: await addBundle(center),
    transferId: await addTransfer(center, (await platform.account()).accountId),
    rolloutId: await addRollout(center, platform),
    batchId: await addLogins(center),
  }
  return { owner, params }
}

async function findPackage({ db, appId }: Center): Promise<string> {
  const found = db.selectFrom('app_package').select('package_id').where('app_id', '=', appId)
  return (await found.executeTakeFirstOrThrow()).package_id
}

async function findToken({ db, owner }: Center): Promise<string> {
  const found = db.selectFrom('access_token').select('token_id').where('user_id', '=', owner.userId)
  return (await found.executeTakeFirstOrThrow()).token_id
}

async function addLicense({ db, owner, device, appId, orderId }: Center): Promise<string> {
  const { license_id } = await db
    .insertInto('license')
    .values({
      ...{ account_id: owner.accountId, app_id: appId, device_id: device.deviceId },
      ...{ license_type: 'FULL', order_id: orderId, state: 'RESERVED' },
    })
    .returning('license_id')
    .executeTakeFirstOrThrow()
  return license_id
}

async function addProject({ db, owner }: Center): Promise<string> {
  const { project_id } = await db
    .insertInto('project')
    .values({ account_id: owner.accountId, name: 'Project' })
    .returning('project_id')
    .executeTakeFirstOrThrow()
  return project_id
}

async function addTechnicalUser({ db, owner }: Center): Promise<string> {
  const client_id = `client-${randomUUID()}`
  await db
    .insertInto('technical_user')
    .values({
      ...{ client_id, account_id: owner.accountId, name: 'n', secret_hash: 'x' },
      ...{ permissions: [], whole_account: true },
    })
    .execute()
  return client_id
}

async function addInvitation({ db, owner }: Center): Promise<string> {
  const { invitation_id } = await db
    .insertInto('invitation')
    .values({
      ...{
        account_id: owner.accountId,
        email: `${randomUUID()}@example.com`,
        permissions: [],
        token_hash: randomUUID(),
      },
      ...{ invited_by: owner.userId, expires_at: '2030-01-01T00:00:00Z' },
    })
    .returning('invitation_id')
    .executeTakeFirstOrThrow()
  return invitation_id
}

/** One id for both kinds of key, since both routes call it keyId. */
async function addKeys({ db, owner, appId }: Center): Promise<string> {
  const key = { key_id: `key-${randomUUID()}`, public_key: '{}' }
  const { accountId, userId } = owner
  await db
    .insertInto('maker_key')
    .values({ ...key, app_id: appId, added_by: userId })
    .execute()
  await db
    .insertInto('signing_key')
    .values({ ...key, account_id: accountId, user_id: userId, name: 'laptop' })
    .execute()
  return key.key_id
}

async function addBundle({ db, owner }: Center): Promise<string> {
  const bundle_id = randomUUID()
  await db
    .insertInto('bundle')
    .values({
      ...{ bundle_id, account_id: owner.accountId, created_by: owner.userId, expires_at: '2030-01-01T00:00:00Z' },
      ...{ manifest: 'm', key_certificate: 'c', root_thumbprint: 'r', packages: '[]', outcomes: '[]' },
    })
    .execute()
  return bundle_id
}

/** To a third account: neither the owner nor the stranger who asks for it. */
async function addTransfer({ db, owner, device }: Center, toAccountId: string): Promise<string> {
  const { transfer_id } = await db
    .insertInto('device_transfer')
    .values({
      ...{ from_account_id: owner.accountId, to_account_id: toAccountId },
      ...{ device_id: device.deviceId, with_licenses: false },
    })
    .returning('transfer_id')
    .executeTakeFirstOrThrow()
  return transfer_id
}

async function addRollout({ owner, device, appId }: Center, platform: TestPlatform): Promise<string> {
  const { status, body } = await platform.call<Rollout>(owner, 'POST /software/v1/rollouts', {
    ...{ name: 'Rollout', action: 'INSTALL', appId, licenseType: 'FULL', requireApproval: true },
    devices: { deviceIds: [device.deviceId] },
  })
  if (status !== 201) throw new Error(`The rollout was not made: ${JSON.stringify(body)}`)
  return body.rolloutId
}

/** One id for the batches of all three kinds, since their routes call it batchId. */
async function addLogins({ db, owner, device }: Center): Promise<string> {
  const batchId = randomUUID()
  await sql`INSERT INTO camera_login (batch_id, position, account_id, gateway_id, kind, requested_by, address, device_id, sealed,
      sealed_for_recovery)
    SELECT ${batchId}, 0, ${owner.accountId}, ${device.gatewayId}, kind, 'owner', 'a', ${device.deviceId}, 's', 'r'
    FROM unnest(ARRAY['CLAIM', 'CREDENTIALS', 'PASSWORD']) kind`.execute(db)
  return batchId
}

/** Every row of the account that a stranger could have changed. */
export async function rowsOf(db: Database, accountId: string): Promise<unknown> {
  const ownApps = db.selectFrom('app').select('app_id').where('account_id', '=', accountId)
  return {
    device: await db.selectFrom('device').selectAll().where('account_id', '=', accountId).execute(),
    installation: await db.selectFrom('installation').selectAll().where('account_id', '=', accountId).execute(),
    license: await db.selectFrom('license').selectAll().where('account_id', '=', accountId).execute(),
    order: await db.selectFrom('app_order').selectAll().where('account_id', '=', accountId).execute(),
    site: await db.selectFrom('site').selectAll().where('account_id', '=', accountId).execute(),
    gateway: await db.selectFrom('gateway').selectAll().where('account_id', '=', accountId).execute(),
    project: await db.selectFrom('project').selectAll().where('account_id', '=', accountId).execute(),
    transfer: await db.selectFrom('device_transfer').selectAll().where('from_account_id', '=', accountId).execute(),
    user: await db.selectFrom('account_user').selectAll().where('account_id', '=', accountId).execute(),
    rollout: await db.selectFrom('rollout').selectAll().where('account_id', '=', accountId).execute(),
    makerKey: await db.selectFrom('maker_key').selectAll().where('app_id', 'in', ownApps).execute(),
    signingKey: await db.selectFrom('signing_key').selectAll().where('account_id', '=', accountId).execute(),
    bundle: await db.selectFrom('bundle').selectAll().where('account_id', '=', accountId).execute(),
    app: await db.selectFrom('app').selectAll().where('account_id', '=', accountId).execute(),
    technicalUser: await db.selectFrom('technical_user').selectAll().where('account_id', '=', accountId).execute(),
    invitation: await db.selectFrom('invitation').selectAll().where('account_id', '=', accountId).execute(),
  }
}
