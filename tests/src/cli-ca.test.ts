import type { ChildProcess } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCliProcess } from './cli-process.ts'
import { type Environment, end, freePort, startPlatformProcess } from './processes.ts'

/** Of nobody here; its private key is gone. */
const anotherCa = `-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIUaXzAD6ZpdZn0F+GarGlgjqQOUNswCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKQW5vdGhlciBDQTAgFw0yNjExMjMxNjIxNTVaGA8yMTI2MTAz
MDE2MjE1NVowFTETMBEGA1UEAwwKQW5vdGhlciBDQTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABEjGW0ZgBtj2x6Vu5ZEdU0WXyxxeXf639gyhSwsjYkLJ6nhGv0uz
tTfOUiPVrsmZM6L/x+8DOgB6MLNsTn/e8hWjUzBRMB0GA1UdDgQWBBTci7r7iq82
Rs+IGYjiY0LxE+kAIDAfBgNVHSMEGDAWgBTci7r7iq82Rs+IGYjiY0LxE+kAIDAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIDK3zxlGupMcYeet8egi
EGFUfiAYnPa/cYUFkbVJtGg/AiAmGeFsNc5EpuxA0wski4aJEZVkj6xIdrw5vKmy
4kSmxw==
-----END CERTIFICATE-----
`

const identity = { OCELLI_CLIENT_ID: 'system', OCELLI_CLIENT_SECRET: 'a secret of the system tests' }
let platform: ChildProcess
let folder: string
let home: string
let port: number
let url: string
let fingerprint: string
const file = (name: string) => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ocelli-ca-'))
  home = await mkdtemp(join(tmpdir(), 'ocelli-ca-home-'))
  port = await freePort()
  url = `https://127.0.0.1:${port}`
  platform = await startPlatformProcess({
    ...process.env,
    ...identity,
    // bound to more than loopback it serves HTTPS, with a certificate of its own CA
    ...{ OCELLI_HTTP_HOST: '0.0.0.0', OCELLI_HTTP_PORT: String(port), OCELLI_MQTT_PORT: String(await freePort()) },
    ...{ OCELLI_HOME: home, OCELLI_ADMIN_EMAIL: 'admin@example.com', OCELLI_LOCAL_GATEWAY: 'off' },
    ...{ OCELLI_LOG_LEVEL: 'warn', OCELLI_DISCOVERY: 'off' },
  })
  const shown = await ocelli(['platform', 'ca', '--url', url, '--json'])
  const { pem, ...rest } = JSON.parse(shown.stdout) as { pem: string; fingerprint: string; trusted: boolean }
  fingerprint = rest.fingerprint
  expect(rest.trusted).toBe(false)
  await writeFile(file('ca.pem'), pem)
  await writeFile(file('another.pem'), anotherCa)
  await writeFile(file('no.pem'), 'no certificate')
})
afterAll(async () => {
  if (platform) await end(platform, 'SIGTERM')
  for (const path of [folder, home]) await rm(path, { recursive: true, force: true, maxRetries: 5 })
})

const ocelli = (args: string[], environment: Environment = {}) =>
  runCliProcess(args, { OCELLI_CONFIG: file('config'), ...environment })
const whoami = (args: string[], environment: Environment = {}) =>
  ocelli(['whoami', '--json', ...args], { OCELLI_URL: url, ...identity, ...environment })

describe('a platform with a CA of its own', () => {
  test('is refused by one who was not told of it, with what to do and before a secret is sent', async () => {
    const { code, stdout, stderr } = await whoami([])
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' })
    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> }
    expect(error).toMatchObject({ code: 'certificate-refused', exitCode: 5 })
    expect(error.remedy).toContain('ocelli platform ca')
    expect(error.remedy).toContain('--ca')
  })

  test('is trusted by its file or its fingerprint, as a flag or in the environment', async () => {
    const spaced = (new X509Certificate(await pemOf('ca.pem')).fingerprint256 ?? '').toUpperCase()
    for (const [args, environment] of [
      [['--ca', file('ca.pem')], {}],
      [['--ca', fingerprint], {}],
      [['--ca', `sha256:${spaced}`], {}],
      [[], { OCELLI_CA: file('ca.pem') }],
      [[], { OCELLI_CA: fingerprint }],
      // a flag comes before the environment
      [['--ca', fingerprint], { OCELLI_CA: file('another.pem') }],
    ] as [string[], Environment][]) {
      const { code, stdout, stderr } = await whoami(args, environment)
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
      expect(JSON.parse(stdout)).toMatchObject({ id: 'system' })
    }
  })

  test('tells its operators when the certificates end that it shows', async () => {
    const { stdout } = await ocelli(['platform', 'metrics', '--ca', fingerprint], { OCELLI_URL: url, ...identity })
    const end = (certificate: string) =>
      1000 *
      Number(
        new RegExp(`^ocelli_certificate_expiry_timestamp_seconds\\{certificate="${certificate}"\\} (.+)$`, 'm').exec(
          stdout,
        )?.[1],
      )
    expect(end('ca')).toBe(Date.parse(new X509Certificate(await pemOf('ca.pem')).validTo))
    for (const shown of ['https', 'mqtt']) {
      expect(end(shown)).toBeGreaterThan(Date.now() + 824 * 86_400_000)
      expect(end(shown)).toBeLessThan(Date.now() + 826 * 86_400_000)
    }
  })

  test('is refused where another CA is named', async () => {
    const byFile = await whoami(['--ca', file('another.pem')])
    expect(byFile).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringContaining('it is not the CA of this platform'),
    })
    const digit = fingerprint.startsWith('0') ? '1' : '0'
    const byFingerprint = await whoami(['--ca', `${digit}${fingerprint.slice(1)}`])
    expect(byFingerprint).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('Nothing was sent.') })
  })

  test('is refused under a name that its certificate does not have', async () => {
    const run = await whoami(['--ca', file('ca.pem'), '--url', `https://127.0.0.2:${port}`])
    expect(run).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining('is for another name') })
  })

  test.each([
    ['nothing.pem', 'there is no file'],
    ['no.pem', 'not a certificate in PEM form'],
  ])('and a CA file that is none is wrong usage: %s', async (name, words) => {
    expect(await whoami(['--ca', file(name)])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(words),
    })
  })

  test('is remembered with its CA by a profile, whatever becomes of the file', async () => {
    const login = ['login', '--url', url, '--client-id', 'system', '--ca', fingerprint]
    expect(await ocelli(login, identity)).toMatchObject({ code: 0 })
    expect(await ocelli(['devices', 'list', '--count'])).toEqual({ code: 0, stdout: '0\n', stderr: '' })
    expect(await ocelli(['platform', 'health'])).toMatchObject({ code: 0, stderr: '' })
  })

  test('says the fingerprint of its CA to those who trust it already', async () => {
    const { code, stdout } = await ocelli(['platform', 'ca', '--url', url, '--ca', file('ca.pem'), '--json'])
    expect({ code, said: JSON.parse(stdout) }).toEqual({
      code: 0,
      said: { pem: await pemOf('ca.pem'), fingerprint, trusted: true },
    })
  })
})

const pemOf = (name: string) => readFile(file(name), 'utf8')
