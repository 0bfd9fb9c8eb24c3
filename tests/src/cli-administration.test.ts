import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeEap } from '@ocelli/app-package/testing'
import { createAxisCamera, type SimulatedAxisCamera, writeAxisLicenseKey } from '@ocelli/camera-sim'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestCli } from '../../apps/cli/test/test-io.ts'
import { buy, cameraPassword, type System, startSystem, untilOnline } from './system.ts'

let system: System
let folder: string
let camera: SimulatedAxisCamera
let operator: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-cli-administration-'))
  system = await startSystem()
  const { url, clientId, clientSecret } = system
  operator = {
    ...{ OCELLI_CONFIG: join(folder, 'operator'), OCELLI_URL: url },
    ...{ OCELLI_CLIENT_ID: clientId, OCELLI_CLIENT_SECRET: clientSecret },
  }
  camera = await createAxisCamera({
    ...{ serialNumber: 'ACCC8E123456', user: 'admin', password: cameraPassword, os: '12', architecture: 'aarch64' },
  })
  await system.claim(camera)
  await untilOnline(system, camera.deviceId)
})
afterAll(async () => {
  await camera?.close()
  await system?.close()
  await rm(folder, { recursive: true, force: true })
})

/** The program in this process: dozens of processes would take minutes. */
async function ocelli(args: string[], as: Record<string, string> = operator) {
  const cli = await openTestCli({ env: as, configFolder: as.OCELLI_CONFIG ?? folder })
  return await cli.run(args)
}

/** Runs a command that ends with `code`, and gives what a program gets of it. */
async function json<Value>(
  args: string[],
  { as = operator, code = 0 }: { as?: Record<string, string>; code?: number } = {},
): Promise<Value> {
  const end = await ocelli([...args, '--json', '--yes'], as)
  expect({ args, code: end.code, stderr: end.code === code ? '' : end.stderr }).toEqual({ args, code, stderr: '' })
  return JSON.parse(code === 0 || end.stdout !== '' ? end.stdout : end.stderr) as Value
}

interface Issued {
  clientId: string
  clientSecret: string
}
const machine = ({ clientId, clientSecret }: Issued) => ({
  ...operator,
  OCELLI_CLIENT_ID: clientId,
  OCELLI_CLIENT_SECRET: clientSecret,
})

test('a project is filled, and a machine of that project sees what is in it and nothing else', async () => {
  await json(['projects', 'create', 'Harbour'])
  await json(['projects', 'create', 'Airport'])
  const assigned = await json(['projects', 'assign', 'Harbour', '--device', camera.deviceId, '--device', 'NOT-THERE'], {
    code: 1,
  })
  expect(assigned).toMatchObject([{ id: camera.deviceId, error: null }, { error: { code: 'not-found' } }])
  expect(await json(['devices', 'list', '--project', 'Harbour'])).toMatchObject([{ deviceId: camera.deviceId }])

  const create = ['technical-users', 'create', 'bot', '--permission', 'devices:view']
  const harbour = machine(await json<Issued>([...create, '--project', 'Harbour']))
  const airport = machine(await json<Issued>([...create, '--project', 'Airport']))
  expect(await json(['devices', 'list'], { as: harbour })).toHaveLength(1)
  expect(await json(['devices', 'list'], { as: airport })).toEqual([])
  expect(await json(['permissions'], { as: harbour })).toContainEqual(
    expect.objectContaining({ permission: 'devices:view', held: true }),
  )

  const { clientSecret } = await json<Issued>(['technical-users', 'renew-secret', harbour.OCELLI_CLIENT_ID])
  await json(['whoami'], { as: harbour, code: 3 })
  const renewed = { ...harbour, OCELLI_CLIENT_SECRET: clientSecret }
  await json(['projects', 'unassign', 'Harbour', '--device', camera.deviceId])
  expect(await json(['devices', 'list'], { as: renewed })).toHaveLength(1)
  await json(['technical-users', 'remove', harbour.OCELLI_CLIENT_ID])
  await json(['whoami'], { as: renewed, code: 3 })
})

test('a person is invited, joins, changes the password, and is removed', async () => {
  const { link } = await json<{ link: string }>(['users', 'invite', 'ann@example.com', '--permission', 'devices:view'])
  const ann = { OCELLI_CONFIG: join(folder, 'ann') }
  const accept = ['invitations', 'accept', link, '--first-name', 'Ann', '--last-name', 'Lee']
  await json(accept, { as: { ...ann, OCELLI_NEW_PASSWORD: 'first password' } })
  const login = ['login', '--url', system.url, '--email', 'ann@example.com']
  await json(login, { as: { ...ann, OCELLI_PASSWORD: 'first password' } })
  const passwords = { OCELLI_PASSWORD: 'first password', OCELLI_NEW_PASSWORD: 'second password' }
  await json(['password'], { as: { ...ann, ...passwords } })
  await json(login, { as: { ...ann, OCELLI_PASSWORD: 'first password' }, code: 3 })
  const me = await json<{ id: string }>(['whoami'], { as: ann })
  await json(['users', 'edit', me.id, '--add-permission', 'apps:view'])
  expect(await json(['users', 'show', me.id])).toMatchObject({
    ...{ firstName: 'Ann', permissions: expect.arrayContaining(['devices:view', 'apps:view']) },
  })
  await json(['users', 'remove', me.id])
  expect(await json(['invitations', 'list'])).toEqual([])
})

test('keys of a vendor go to their devices, single and by name; what fits none is told', async () => {
  const eap = join(folder, 'locked.eap')
  await writeEap(eap, { appId: 'locked', signed: true, copyProtection: 'axis', axisAppId: '415129' })
  await json(['apps', 'publish', eap])
  const key = (deviceId: string | null, name: string) => {
    const path = join(folder, name)
    const content = writeAxisLicenseKey({ applicationId: '415129', deviceId: deviceId ?? '', expires: '2099-12-31' })
    return writeFile(path, content).then(() => path)
  }
  const good = await key(camera.deviceId, 'good.key.xml')
  const strange = await key('ACCC8E999999', 'strange.key.xml')
  const broken = join(folder, 'broken.key.xml')
  await writeFile(broken, '<Key>')
  expect(await json(['vendor-keys', 'upload', 'locked', good])).toMatchObject([{ result: 'STORED' }])
  expect(await json(['vendor-keys', 'upload', 'locked', good, strange, broken], { code: 1 })).toMatchObject([
    ...[{ result: 'DUPLICATE' }, { result: 'UNKNOWN_DEVICE' }, { result: 'DAMAGED' }],
  ])
  expect(await json(['vendor-keys', 'list', 'locked'])).toMatchObject([
    { deviceId: camera.deviceId, issuer: 'VENDOR', licenseCheckedBy: 'CAMERA' },
  ])
  expect(await json(['licenses', 'list', '--issuer', 'platform'])).toEqual([])
})

test('an app that nobody checks says so on every camera, until its listing names a place for the license', async () => {
  const eap = join(folder, 'open.eap')
  await writeEap(eap, {
    ...{ appId: 'open', signed: true, copyProtection: 'none' },
    parameters: [{ name: 'License', default: '', type: 'string' }],
  })
  await json(['apps', 'publish', eap])
  await buy(system, 'open', 1)
  await json(['install', 'open', camera.deviceId, '--wait'])
  const shown = await ocelli(['devices', 'apps', camera.deviceId])
  expect(shown.stdout).toContain('nobody: counted, not enforced')
  await json(['apps', 'edit', 'open', '--license-in', 'parameter:License'])
  expect(await json(['status', 'open', camera.deviceId])).toMatchObject({ licenseCheckedBy: 'APP' })
  const listed = await ocelli(['licenses', 'list', 'open'])
  expect(listed.stdout).toMatch(/CHECKED BY[\s\S]+ app /)
  await json(['uninstall', 'open', camera.deviceId, '--wait'])
})

test('a camera passes to another account, which the instance administrator has made', async () => {
  const made = await json<{ account: { accountId: string }; invitation: { link: string } }>([
    ...['accounts', 'create', 'Second', '--administrator', 'bob@example.com'],
  ])
  const bob = { OCELLI_CONFIG: join(folder, 'bob') }
  const password = { ...bob, OCELLI_NEW_PASSWORD: 'a password', OCELLI_PASSWORD: 'a password' }
  const { link } = made.invitation
  await json(['invitations', 'accept', link, '--first-name', 'Bob', '--last-name', 'Roe'], { as: password })
  await json(['login', '--url', system.url, '--email', 'bob@example.com'], { as: password })
  const { accountId } = await json<{ accountId: string }>(['account', 'show'], { as: bob })
  expect(accountId).toBe(made.account.accountId)

  const offer = ['transfers', 'offer', camera.deviceId, '--to', accountId]
  expect(await json(offer, { code: 6 })).toMatchObject({ error: { code: 'licenses-held' } })
  const { transferId } = await json<{ transferId: string }>([...offer, '--with-licenses'])
  expect(await json(['transfers', 'list'], { as: bob })).toMatchObject([{ transferId, state: 'OFFERED' }])
  expect(await json(['transfers', 'accept', transferId], { as: bob })).toMatchObject({ state: 'ACCEPTED' })
  expect(await json(['devices', 'list', '--state', 'unclaimed'], { as: bob })).toMatchObject([
    { deviceId: camera.deviceId },
  ])

  await json(['accounts', 'suspend', accountId])
  // what a caller may do is remembered for some seconds
  await expect.poll(() => ocelli(['whoami'], bob).then(({ code }) => code), { timeout: 30_000 }).toBe(3)
  await json(['accounts', 'resume', accountId])
})
