import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const masterKey = Buffer.alloc(32, 1).toString('base64')
/** The sentence that the start ends with; the value `true` where it does not end. */
function refusal(environment: Record<string, string>): string | true {
  try {
    readConfig(environment)
    return true
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

describe('a wrong variable ends the start with a sentence that names it', () => {
  test.each([
    ['OCELLI_HTTP_PORT', ['abc', '70000', '-1', '0', ' ', '0x50', '8e3', '80.5', '1 2']],
    ['OCELLI_MQTT_PORT', ['abc', '0', '65536']],
    ['OCELLI_HTTP_HOST', ['a b', 'http://127.0.0.1', '127.0.0.1:8080', '[::1]', 'a/b']],
    ['OCELLI_MQTT_HOST', ['a b', 'mqtts://x']],
    ['OCELLI_PUBLIC_URL', ['cams', 'ftp://cams', 'https://u:p@cams', 'https://cams/?x=1', 'https://cams/#x']],
    ['OCELLI_MQTT_PUBLIC_URL', ['cams:8883', 'mqtt://cams']],
    ['OCELLI_LOCAL_GATEWAY', ['false', 'no', '0', 'OFF!']],
    ['OCELLI_RATE_LIMIT', ['x', '-1', '1e3']],
    ['OCELLI_STREAMS', ['x', '-1']],
    ['OCELLI_ACCOUNT_STREAMS', ['x', '-1']],
    ['OCELLI_OPEN_ROLLOUTS', ['x', '-1']],
    ['OCELLI_TRUSTED_PROXIES', ['proxy', '10.0.0.0/33', '10.0.0.1/2/3', '::1/129']],
    ['OCELLI_DATABASE_POOL', ['0', '501', 'many']],
    ['OCELLI_STATEMENT_TIMEOUT_SECONDS', ['-1', '0.5', '30s', '3601']],
    ['OCELLI_LICENSE_WARN_DAYS', ['abc', '0', '30;7']],
    ['OCELLI_LICENSE_KEY_ROTATION_DAYS', ['-5', 'never']],
    ['OCELLI_LOG_LEVEL', ['nonsense', 'verbose']],
    ['OCELLI_ADMIN_EMAIL', ['nonsense', 'a b@c.de', 'admin@localhost', `${'a'.repeat(250)}@example.com`]],
    ['OCELLI_ADMIN_PASSWORD', ['a'.repeat(129)]],
    ['OCELLI_CLIENT_ID', ['a:b', 'a b', 'ä', 'a'.repeat(256)]],
    ['OCELLI_CLIENT_SECRET', ['a'.repeat(257), 'two\nlines']],
    ['OCELLI_MASTER_KEY', ['short', Buffer.alloc(31).toString('base64')]],
    ['OCELLI_TLS_CERT', ['/cert.pem']],
    ['DATABASE_URL', ['foo', 'mysql://x/y']],
    ['MQTT_URL', ['foo', 'http://x']],
    ['BLOB_URL', ['foo', 's3://', 's3://bucket?endpoint=nonsense', 'file:relative', 'file://server/folder']],
  ])('%s', (name, values) => {
    for (const value of values) {
      expect(
        refusal({ [name]: value, ...(name === 'DATABASE_URL' ? { OCELLI_MASTER_KEY: masterKey } : {}) }),
        value,
      ).toEqual(expect.stringContaining(name))
    }
  })

  test('the value of a secret is not in the sentence', () => {
    for (const [name, value] of [
      ['OCELLI_ADMIN_PASSWORD', 'hunter2'.repeat(20)],
      ['OCELLI_CLIENT_SECRET', 'hunter2\n'],
      ['OCELLI_MASTER_KEY', 'hunter2'],
      ['DATABASE_URL', 'mysql://me:hunter2@host/db'],
    ] as const) {
      expect(refusal({ [name]: value })).not.toContain('hunter2')
    }
  })

  test('DATABASE_URL alone lacks the master key, and two parts cannot share a port', () => {
    expect(refusal({ DATABASE_URL: 'postgres://u:p@db/x' })).toContain('OCELLI_MASTER_KEY')
    expect(refusal({ OCELLI_HTTP_PORT: '9000', OCELLI_MQTT_PORT: '9000' })).toContain('OCELLI_MQTT_PORT')
    expect(refusal({ OCELLI_HTTP_PORT: '9000', OCELLI_MQTT_PORT: '9000', OCELLI_MQTT_HOST: '127.0.0.2' })).toBe(true)
  })
})

describe('what is right is taken', () => {
  test('nothing at all, and empty variables, are the defaults', () => {
    const config = readConfig({})
    expect(config).toMatchObject({
      ...{ http: { host: '127.0.0.1', port: 8080 }, mqtt: { host: '127.0.0.1', port: 8883 }, localGateway: true },
      ...{
        logLevel: 'info',
        databasePoolSize: 20,
        statementTimeoutSeconds: 30,
        rateLimitPerSecond: 100,
        masterKey: null,
      },
      ...{ limits: { streams: { perCaller: 20, perAccount: 200 }, openRolloutsPerAccount: 200 }, trustedProxies: [] },
    })
    expect(readConfig({ OCELLI_HTTP_PORT: '', OCELLI_LOCAL_GATEWAY: '', OCELLI_LOG_LEVEL: '' })).toEqual(config)
  })

  test.each<[Record<string, string>, object]>([
    [{ OCELLI_LOCAL_GATEWAY: 'off' }, { localGateway: false }],
    [{ OCELLI_LOCAL_GATEWAY: 'on' }, { localGateway: true }],
    [{ OCELLI_LOG_LEVEL: 'DEBUG' }, { logLevel: 'debug' }],
    [{ OCELLI_HTTP_HOST: '::', OCELLI_HTTP_PORT: '443' }, { http: { host: '::', port: 443 } }],
    [{ OCELLI_HTTP_HOST: 'cams.example.com' }, { http: { host: 'cams.example.com', port: 8080 } }],
    [{ OCELLI_PUBLIC_URL: 'https://cams.example.com/ocelli/' }, { publicUrl: 'https://cams.example.com/ocelli' }],
    [{ OCELLI_TRUSTED_PROXIES: '10.0.0.5, fd00::/8' }, { trustedProxies: ['10.0.0.5', 'fd00::/8'] }],
    [{ BLOB_URL: 's3://b/p?endpoint=http://127.0.0.1:9000&region=x' }, {}],
    [{ BLOB_URL: 'file:///srv/blobs' }, { blobUrl: 'file:///srv/blobs' }],
    [{ OCELLI_ADMIN_EMAIL: 'Ada@Example.com' }, { first: { adminEmail: 'ada@example.com' } }],
    [{ OCELLI_ADMIN_PASSWORD: 'pässwörd: with spaces' }, { first: { adminPassword: 'pässwörd: with spaces' } }],
    [
      { OCELLI_CLIENT_ID: 'shop', OCELLI_CLIENT_SECRET: 'x:y z' },
      { first: { clientId: 'shop', clientSecret: 'x:y z' } },
    ],
    [{ OCELLI_MASTER_KEY: masterKey, DATABASE_URL: 'postgres://u:p@db/x' }, { masterKey }],
  ])('%o', (environment, expected) => {
    expect(readConfig(environment)).toMatchObject(expected)
  })
})
