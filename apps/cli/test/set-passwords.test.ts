import { generateKeyPairSync } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compactDecrypt, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { answering, openTestCli, problem, signedIn } from './test-io.ts'

const [north, south, old] = ['11111111', '22222222', '33333333'].map(
  (head) => `${head}-1111-4111-8111-111111111111`,
) as [string, string, string]
const accountId = '99999999-1111-4111-8111-111111111111'

function keyPair() {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' }) as { x: string; d: string }
  const { x, d } = jwk
  const open = { kty: 'OKP', crv: 'X25519', x } as const
  return { open, closed: { ...open, d } }
}
const [gatewayKey, recoveryKey] = [keyPair(), keyPair()]

const gateway = (gatewayId: string, setsPasswords = true) => ({
  ...{ gatewayId, name: gatewayId.slice(0, 4), sealingKey: gatewayKey.open, setsPasswords, revokedAt: null },
})
const device = (deviceId: string, gatewayId: string | null) => ({
  ...{ deviceId, gatewayId, name: null, address: `https://${deviceId.toLowerCase()}`, state: 'CLAIMED' },
})
const devices = [
  device('CAM-1', north),
  device('CAM-2', north),
  device('CAM-3', south),
  device('CAM-4', old),
  device('CAM-5', null),
]

interface Item {
  state: string
  error: { category: string; code: string; detail: string } | null
}
const batchOf = (gatewayId: string, items: Record<string, Item>) => {
  const list = Object.entries(items).map(([deviceId, item]) => ({
    loginId: deviceId,
    deviceId,
    address: null,
    ...item,
  }))
  const count = (...states: string[]) => list.filter(({ state }) => states.includes(state)).length
  const counters = {
    total: list.length,
    pending: 0,
    sent: count('SENT'),
    unknown: count('UNKNOWN'),
    done: count('CHANGED'),
  }
  return {
    ...{ batchId: gatewayId, gatewayId, kind: 'PASSWORD', items: list, settled: count('SENT', 'UNKNOWN') === 0 },
    counters: { ...counters, failed: count('FAILED') },
  }
}
const changed: Item = { state: 'CHANGED', error: null }
const unknown: Item = { state: 'UNKNOWN', error: { category: 'timeout', code: 'timeout', detail: 'No answer.' } }

interface Sent {
  deviceId: string
  sealed: string
  sealedForRecovery: string
}

/** The north's cameras end as told; the south refuses the request. */
async function openCli(end: Record<string, Item>, { isCutOff = false } = {}) {
  const sent: Sent[] = []
  let elapsedMs = 0
  const platform = answering(({ route, body }) => {
    if (route === 'GET /device/v1/gateways') return [gateway(north), gateway(south), gateway(old, false)]
    if (route === 'GET /account/v1/me') return { account: { accountId } }
    if (route === 'GET /account/v1/recovery-key') return { publicKey: recoveryKey.open, changedAt: null }
    if (route === 'GET /device/v1/devices')
      return { items: devices, page: 0, size: 1000, nextCursor: null, total: null }
    const named = devices.find(({ deviceId }) => route === `GET /device/v1/devices/${deviceId}`)
    if (named) return named
    if (route === `POST /device/v1/gateways/${south}/camera-passwords`) return problem(409, 'state-conflict')
    if (isCutOff && route.startsWith('POST')) return problem(500, 'internal')
    if (route.startsWith('POST')) sent.push(...(body as { devices: Sent[] }).devices)
    const sending = Object.fromEntries(sent.map(({ deviceId }) => [deviceId, { state: 'SENT', error: null }]))
    return batchOf(north, route.startsWith('POST') ? sending : end)
  })
  const clock = {
    ...{ nowMs: () => Date.now(), monotonicMs: () => elapsedMs, after: () => () => {} },
    wait: async (ms: number) => {
      elapsedMs += ms
      await new Promise<void>((resolve) => setImmediate(resolve))
    },
  }
  const cli = await openTestCli({ env: signedIn, ...platform, clock })
  return { ...cli, ...platform, sent }
}

async function opened(sealed: string, key: object) {
  const { plaintext, protectedHeader } = await compactDecrypt(sealed, await importJWK({ ...key }, 'ECDH-ES'))
  const purpose = Buffer.from(String(protectedHeader.apv), 'base64url').toString()
  return { ...(JSON.parse(Buffer.from(plaintext).toString()) as { user: string; password: string }), purpose }
}

const set = ['devices', 'change-credentials', '--user', 'root', '--set-on-camera']
const rowsOf = async (file: string) =>
  (await readFile(file, 'utf8'))
    .trim()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(','))

describe('new passwords', () => {
  test('are made for what matches, sealed for the gateway and the recovery key, and written to a file', async () => {
    const cli = await openCli({ 'CAM-1': changed, 'CAM-2': unknown })
    const run = await cli.run([...set, '--tag', 'north', '--generate', '--result', 'new.csv', '--yes'])
    expect(run.code).toBe(1)
    expect(run.stderr).toMatch(/Left out: CAM-4 .*up to date[\s\S]*Left out: CAM-5 has no gateway/)
    expect(run.stderr).toMatch(/Recording stops until/)
    const file = join(cli.folder, 'new.csv')
    const rows = await rowsOf(file)
    expect(rows.map(([, id, user, , result, code]) => [id, user, result, code])).toEqual([
      ['CAM-1', 'root', 'CHANGED', ''],
      ['CAM-2', 'root', 'UNKNOWN', 'timeout'],
      ['CAM-3', 'root', 'NOT_SENT', 'state-conflict'],
    ])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const passwords = rows.map(([, , , password = '']) => password)
    expect(cli.sent).toHaveLength(2)
    for (const [index, { deviceId, sealed, sealedForRecovery }] of cli.sent.entries()) {
      const login = { user: 'root', password: passwords[index] }
      expect(await opened(sealed, gatewayKey.closed)).toEqual({
        ...login,
        purpose: `ocelli:password:${north}:${deviceId}`,
      })
      const copy = { ...login, purpose: `ocelli:recovery:${accountId}:${deviceId}` }
      expect(await opened(sealedForRecovery, recoveryKey.closed)).toEqual(copy)
    }
    for (const password of passwords) expect(`${run.stdout}${run.stderr}`).not.toContain(password)

    const again = await openCli({ 'CAM-1': changed, 'CAM-2': changed })
    await writeFile(join(again.folder, 'new.csv'), await readFile(file))
    expect((await again.run(['devices', 'change-credentials', '--continue', 'new.csv'])).code).toBe(1)
    const after = await rowsOf(join(again.folder, 'new.csv'))
    expect(after.map(([, , , , result]) => result)).toEqual(['CHANGED', 'CHANGED', 'NOT_SENT'])
    expect(after.map(([, , , password]) => password)).toEqual(passwords)
  })

  test('that were cut off while they were sent are not told to have failed', async () => {
    const cli = await openCli({ 'CAM-1': changed })
    const columns = 'address,device,user,password,result,code,detail,gateway,batch'
    const lines = [
      `https://cam-1,CAM-1,root,Made-1,SENT,,,${north},${north}`,
      `https://cam-2,CAM-2,root,Made-2,SENDING,,,${north},`,
    ]
    await writeFile(join(cli.folder, 'new.csv'), [columns, ...lines, ''].join('\r\n'))
    const run = await cli.run(['devices', 'change-credentials', '--continue', 'new.csv'])
    expect(run.code).toBe(1)
    expect(run.stderr).not.toMatch(/failed/)
    expect(run.stderr).toMatch(/1 camera\(s\) .* cut off .*change-credentials --csv/)
    expect((await rowsOf(join(cli.folder, 'new.csv'))).map(([, , , , result]) => result)).toEqual([
      'CHANGED',
      'SENDING',
    ])
  })

  test('that the platform does not answer about are told how to go on', async () => {
    const cli = await openCli({}, { isCutOff: true })
    const run = await cli.run([...set, 'CAM-1', '--generate', '--result', 'new.csv', '--yes'])
    expect(run.code).not.toBe(0)
    expect(run.stderr).toMatch(/--continue .*new\.csv/)
  })

  test('that are given are sent as they are, over http only when that is allowed, and not written down', async () => {
    const cli = await openCli({ 'CAM-1': changed })
    await writeFile(join(cli.folder, 'password'), 'a given one\n')
    const given = ['CAM-1', '--password-file', 'password', '--allow-http', '--result', 'r.csv', '--yes']
    expect(await cli.run([...set, ...given])).toMatchObject({ code: 0 })
    expect(await opened(cli.sent[0]?.sealed ?? '', gatewayKey.closed)).toMatchObject({
      password: 'a given one',
      allowHttp: true,
    })
    expect(await readFile(join(cli.folder, 'r.csv'), 'utf8')).not.toContain('a given one')
  })

  test.each([
    ['nobody says yes', [...set, 'CAM-1', '--generate', '--result', 'new.csv'], /--yes/],
    ['there is no file for them', [...set, 'CAM-1', '--generate', '--yes'], /--result/],
    [
      'they are not for the camera',
      ['devices', 'change-credentials', 'CAM-1', '--user', 'u', '--generate'],
      /--set-on-camera/,
    ],
    ['they are given too', [...set, 'CAM-1', '--generate', '--password-file', 'p', '--yes'], /generated or given/],
    ['the length is none', [...set, 'CAM-1', '--generate', '--length', '7'], /from 8 to 64/],
    ['the list has some', [...set, '--csv', 'list.csv', '--generate', '--result', 'new.csv', '--yes'], /Line 2/],
    ['cameras are chosen in two ways', [...set, '--csv', 'list.csv', '--tag', 'x', '--yes'], /leave out/],
    [
      'its gateway cannot',
      [...set, 'CAM-4', '--generate', '--result', 'new.csv', '--yes'],
      /up to date\. Nothing was sent/,
    ],
    ['the file is another', ['devices', 'change-credentials', '--continue', 'list.csv'], /no result file/],
  ])('are not made when %s', async (_, args, words) => {
    const cli = await openCli({})
    await writeFile(join(cli.folder, 'list.csv'), 'device;user;password\nCAM-1;root;"secret, one"\n')
    const run = await cli.run(args, { env: { ...signedIn, OCELLI_CAMERA_PASSWORD: 'x' } })
    expect(run.code).not.toBe(0)
    expect(run.stderr).toMatch(words)
    expect(run.stderr).not.toContain('secret')
    expect(cli.sent).toEqual([])
    await expect(readFile(join(cli.folder, 'new.csv'))).rejects.toThrow('ENOENT')
  })
})
