import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { enroll } from '../../src/platform/enroll.ts'
import { loadIdentity } from '../../src/platform/gateway-identity.ts'
import { openStateFolder, type StateFolder } from '../../src/state/state-folder.ts'
import { createTestAuthority, type Pair, type TestAuthority } from './test-authority.ts'
import {
  enrollmentSecret,
  gatewayId,
  makeToken,
  reply,
  siteId,
  startTestPlatform,
  type TestPlatform,
} from './test-platform.ts'

let authority: TestAuthority
let stranger: TestAuthority
let server: Pair
let home: string
let folder: StateFolder
let platform: TestPlatform | null = null

beforeAll(async () => {
  authority = await createTestAuthority()
  stranger = await createTestAuthority('Somebody else')
  server = await authority.issueServer()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ocelli-enroll-'))
  folder = await openStateFolder(home)
})
afterEach(async () => {
  await platform?.close()
  platform = null
  await rm(home, { recursive: true, force: true })
})

async function start(options: { authority?: TestAuthority; server: Pair | null }) {
  platform = await startTestPlatform({ authority, ...options })
  return platform
}

const enrollAt = (at: TestPlatform, token = at.token, platformUrl = at.url, replace?: boolean) =>
  enroll({
    folder,
    replace,
    platformUrl,
    token,
    name: 'Gate house',
    version: '0.1.0',
    env: {},
    signal: AbortSignal.timeout(15_000),
  })

const enrollments = (at: TestPlatform) => at.exchanges.filter(({ path }) => path.endsWith('/enroll'))

describe('enroll', () => {
  test('keeps who the gateway is, over https with the CA that the token pins', async () => {
    const at = await start({ server })
    const identity = await enrollAt(at)
    expect(identity).toMatchObject({ gatewayId, siteId, name: 'Gate house', mqttUrl: 'mqtts://localhost:8883' })
    expect(await loadIdentity(folder)).toEqual(identity)
    expect(JSON.parse(enrollments(at)[0]?.body ?? '')).toMatchObject({ secret: enrollmentSecret, name: 'Gate house' })
  })

  test('takes another gateway’s cameras over only when token and operator both say so', async () => {
    const at = await start({ server: null })
    const replacing = makeToken(authority.fingerprint, { replaces: '00000000-0000-4000-8000-000000000009' })
    await expect(enrollAt(at, replacing)).rejects.toMatchObject({ message: expect.stringContaining('--replace') })
    await expect(enrollAt(at, at.token, at.url, true)).rejects.toMatchObject({ code: 'invalid-input' })
    expect(enrollments(at)).toEqual([])
    expect(await enrollAt(at, replacing, at.url, true)).toMatchObject({ gatewayId })
  })

  test('keeps the private key sealed on the disk', async () => {
    const identity = await enrollAt(await start({ server: null }))
    const stored = await readFile(join(home, 'enrollment.json'), 'utf8')
    expect(identity.privateKey).toContain('PRIVATE KEY')
    expect(stored).not.toContain('PRIVATE KEY')
    expect(stored).not.toContain(identity.privateKey.split('\n')[1])
  })

  test('sends no secret to a server whose chain does not hold the pinned CA', async () => {
    const at = await start({ server: await stranger.issueServer() })
    await expect(enrollAt(at)).rejects.toMatchObject({ code: 'ca-mismatch' })
    expect(enrollments(at)).toEqual([])
    expect(at.exchanges.every(({ body }) => body === '')).toBe(true)
    expect(await loadIdentity(folder)).toBeNull()
  })

  test('sends no secret to a server that shows the pinned CA but whose certificate is not signed by it', async () => {
    const other = await stranger.issueServer()
    const at = await start({ server: { certificate: other.certificate + authority.certificate, key: other.key } })
    await expect(enrollAt(at)).rejects.toMatchObject({ code: 'ca-mismatch' })
    expect(enrollments(at)).toEqual([])
  })

  test('sends no secret to a server whose certificate is for another name', async () => {
    const at = await start({ server: await authority.issueServer('elsewhere.example') })
    await expect(enrollAt(at)).rejects.toMatchObject({ code: 'ca-mismatch' })
    expect(enrollments(at)).toEqual([])
  })

  test('takes a publicly trusted certificate in front, and still checks the CA in the answer', async () => {
    const publicRoots = getCACertificates('default')
    setDefaultCACertificates([...publicRoots, stranger.certificate])
    try {
      const at = await start({ server: await stranger.issueServer() })
      expect(await enrollAt(at)).toMatchObject({ gatewayId, caCertificate: authority.certificate })
      await expect(enrollAt(at, makeToken(stranger.fingerprint))).rejects.toMatchObject({ code: 'ca-mismatch' })
    } finally {
      setDefaultCACertificates(publicRoots)
    }
  })

  test('refuses a CA in the answer that is not the one in the token', async () => {
    const at = await start({ authority: stranger, server: null })
    await expect(enrollAt(at, makeToken(authority.fingerprint))).rejects.toMatchObject({
      code: 'ca-mismatch',
      message: expect.stringContaining(authority.fingerprint),
    })
    expect(await loadIdentity(folder)).toBeNull()
  })

  test.each([
    ['made out to another gateway', { commonName: 'another' }],
    ['signed by another CA', { by: 'stranger' }],
  ])(
    'refuses a certificate %s',
    async (_title, { commonName = gatewayId, by }: { commonName?: string; by?: string }) => {
      const at = await start({ server: null })
      at.routes.set('POST /device/v1/gateways/enroll', async ({ body }, response) => {
        const { csr } = JSON.parse(body) as { csr: string }
        const certificate = await (by ? stranger : authority).issueFor(csr, { commonName })
        const urls = { mqttUrl: 'mqtts://localhost', mqttWebSocketUrl: 'wss://localhost/mqtt' }
        reply(response, 201, { gatewayId, siteId, certificate, caCertificate: authority.certificate, ...urls })
      })
      await expect(enrollAt(at)).rejects.toMatchObject({ code: 'certificate-invalid' })
      expect(await loadIdentity(folder)).toBeNull()
    },
  )

  test('says in the words of the platform why a token is refused', async () => {
    const at = await start({ server })
    await expect(
      enrollAt(at, makeToken(authority.fingerprint, { secret: 'another-secret-of-20-characters' })),
    ).rejects.toMatchObject({
      code: 'platform-refused',
      message: expect.stringContaining('This token was used before.'),
    })
  })

  test('with the old folder it keeps gateway id and key', async () => {
    const at = await start({ server })
    const first = await enrollAt(at)
    const second = await enrollAt(at)
    expect(JSON.parse(enrollments(at)[0]?.body ?? '')).not.toHaveProperty('gatewayId')
    expect(JSON.parse(enrollments(at)[1]?.body ?? '')).toMatchObject({ gatewayId })
    expect(second.privateKey).toBe(first.privateKey)
  })

  test('with a folder of another platform it becomes a new gateway with a new key', async () => {
    const first = await enrollAt(await start({ server: null }))
    await platform?.close()
    const other = await start({ authority: stranger, server: null })
    const second = await enrollAt(other)
    expect(JSON.parse(enrollments(other)[0]?.body ?? '')).not.toHaveProperty('gatewayId')
    expect(second.privateKey).not.toBe(first.privateKey)
  })

  test.each([
    'oet1.',
    'oet2.e30',
    'nonsense',
    `oet1.${Buffer.from('{"secret":"s"').toString('base64url')}`,
    `oet1.${Buffer.from('{"secret":"s3cret-text"}').toString('base64url')}`,
  ])('refuses the token %s without quoting what it holds', async (token) => {
    const at = await start({ server: null })
    const error = await enrollAt(at, token).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'invalid-input' })
    expect(String(error)).not.toContain('s3cret')
    expect(at.exchanges).toEqual([])
  })

  test.each(['ocelli.example.com', 'ftp://localhost', 'http://192.0.2.1:8080', 'https://user:pw@localhost'])(
    'refuses the address %s before anything is sent',
    async (url) => {
      const at = await start({ server: null })
      await expect(enrollAt(at, at.token, url)).rejects.toMatchObject({ code: 'invalid-input' })
    },
  )

  test('says that nobody answers', async () => {
    const at = await start({ server: null })
    await at.close()
    await expect(enrollAt(at)).rejects.toMatchObject({
      code: 'platform-unreachable',
      retryable: true,
      message: expect.stringContaining(at.url),
    })
  })
})
