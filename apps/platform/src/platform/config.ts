import { isIP } from 'node:net'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { StreamLimits } from './http/open-streams.ts'

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'config-invalid'
}

export interface Config {
  http: { host: string; port: number }
  mqtt: { host: string; port: number }
  /** What clients outside see; null: derived from host and port. */
  publicUrl: string | null
  mqttPublicUrl: string | null
  tls: { certificateFile: string; keyFile: string } | null
  databaseUrl: string | null
  mqttUrl: string | null
  blobUrl: string | null
  masterKey: string | null
  localGateway: boolean
  rateLimitPerSecond: number
  /** Addresses and networks (CIDR) of reverse proxies, whose `X-Forwarded-For` is believed. */
  trustedProxies: string[]
  /** 0: no limit. */
  limits: { streams: StreamLimits; openRolloutsPerAccount: number }
  databasePoolSize: number
  licensing: {
    /** Days before a license's end at which it is told, largest first. */
    warnDays: number[]
    /** The signing key is replaced when it is this old; 0: by command only. */
    keyRotationDays: number
  }
  first: {
    adminEmail: string | null
    adminPassword: string | null
    clientId: string | null
    clientSecret: string | null
  }
  logLevel: string
}

const Environment = Type.Object({
  OCELLI_HTTP_HOST: Type.Optional(Type.String()),
  OCELLI_HTTP_PORT: Type.Optional(Type.String()),
  OCELLI_MQTT_HOST: Type.Optional(Type.String()),
  OCELLI_MQTT_PORT: Type.Optional(Type.String()),
  OCELLI_PUBLIC_URL: Type.Optional(Type.String()),
  OCELLI_MQTT_PUBLIC_URL: Type.Optional(Type.String()),
  OCELLI_TLS_CERT: Type.Optional(Type.String()),
  OCELLI_TLS_KEY: Type.Optional(Type.String()),
  DATABASE_URL: Type.Optional(Type.String()),
  MQTT_URL: Type.Optional(Type.String()),
  BLOB_URL: Type.Optional(Type.String()),
  OCELLI_MASTER_KEY: Type.Optional(Type.String()),
  OCELLI_LOCAL_GATEWAY: Type.Optional(Type.String()),
  OCELLI_RATE_LIMIT: Type.Optional(Type.String()),
  OCELLI_TRUSTED_PROXIES: Type.Optional(Type.String()),
  OCELLI_STREAMS: Type.Optional(Type.String()),
  OCELLI_ACCOUNT_STREAMS: Type.Optional(Type.String()),
  OCELLI_OPEN_ROLLOUTS: Type.Optional(Type.String()),
  OCELLI_DATABASE_POOL: Type.Optional(Type.String()),
  OCELLI_ADMIN_EMAIL: Type.Optional(Type.String()),
  OCELLI_ADMIN_PASSWORD: Type.Optional(Type.String()),
  OCELLI_CLIENT_ID: Type.Optional(Type.String()),
  OCELLI_CLIENT_SECRET: Type.Optional(Type.String()),
  OCELLI_LOG_LEVEL: Type.Optional(Type.String()),
  OCELLI_LICENSE_WARN_DAYS: Type.Optional(Type.String()),
  OCELLI_LICENSE_KEY_ROTATION_DAYS: Type.Optional(Type.String()),
})

/** Reads the environment once. An empty variable counts as not set. Throws ConfigError with the variable's name. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))
  const env = Value.Parse(Environment, Value.Clean(Environment, set))
  const host = env.OCELLI_HTTP_HOST ?? '127.0.0.1'
  const publicUrl = url('OCELLI_PUBLIC_URL', env.OCELLI_PUBLIC_URL, ['http:', 'https:'])
  if (Boolean(env.OCELLI_TLS_CERT) !== Boolean(env.OCELLI_TLS_KEY)) {
    throw new ConfigError('Set OCELLI_TLS_CERT and OCELLI_TLS_KEY together: one of them is missing.')
  }
  const databaseUrl = url('DATABASE_URL', env.DATABASE_URL, ['postgres:', 'postgresql:'])
  if (databaseUrl && !env.OCELLI_MASTER_KEY) {
    throw new ConfigError(
      'With DATABASE_URL, OCELLI_MASTER_KEY is required (32 bytes in base64, for example from `openssl rand -base64 32`): the keys in the database are sealed with it.',
    )
  }
  return {
    http: { host, port: port('OCELLI_HTTP_PORT', env.OCELLI_HTTP_PORT, 8080) },
    mqtt: { host: env.OCELLI_MQTT_HOST ?? host, port: port('OCELLI_MQTT_PORT', env.OCELLI_MQTT_PORT, 8883) },
    publicUrl: publicUrl?.replace(/\/+$/, '') ?? null,
    mqttPublicUrl: url('OCELLI_MQTT_PUBLIC_URL', env.OCELLI_MQTT_PUBLIC_URL, ['mqtts:']),
    tls:
      env.OCELLI_TLS_CERT && env.OCELLI_TLS_KEY
        ? { certificateFile: env.OCELLI_TLS_CERT, keyFile: env.OCELLI_TLS_KEY }
        : null,
    databaseUrl,
    mqttUrl: url('MQTT_URL', env.MQTT_URL, ['mqtts:', 'mqtt:']),
    blobUrl: url('BLOB_URL', env.BLOB_URL, ['s3:', 'file:']),
    masterKey: env.OCELLI_MASTER_KEY ?? null,
    localGateway: env.OCELLI_LOCAL_GATEWAY !== 'off',
    rateLimitPerSecond: integer('OCELLI_RATE_LIMIT', env.OCELLI_RATE_LIMIT, { fallback: 100, max: 1_000_000 }),
    trustedProxies: networks('OCELLI_TRUSTED_PROXIES', env.OCELLI_TRUSTED_PROXIES),
    limits: {
      streams: {
        perCaller: integer('OCELLI_STREAMS', env.OCELLI_STREAMS, { fallback: 20, max: 1_000_000 }),
        perAccount: integer('OCELLI_ACCOUNT_STREAMS', env.OCELLI_ACCOUNT_STREAMS, { fallback: 200, max: 1_000_000 }),
      },
      openRolloutsPerAccount: integer('OCELLI_OPEN_ROLLOUTS', env.OCELLI_OPEN_ROLLOUTS, {
        fallback: 200,
        max: 1_000_000,
      }),
    },
    databasePoolSize: integer('OCELLI_DATABASE_POOL', env.OCELLI_DATABASE_POOL, { fallback: 20, max: 500 }),
    licensing: {
      warnDays: wholeDays('OCELLI_LICENSE_WARN_DAYS', env.OCELLI_LICENSE_WARN_DAYS ?? '30,7,1'),
      keyRotationDays: integer('OCELLI_LICENSE_KEY_ROTATION_DAYS', env.OCELLI_LICENSE_KEY_ROTATION_DAYS, {
        fallback: 365,
        max: 36_500,
      }),
    },
    first: {
      adminEmail: env.OCELLI_ADMIN_EMAIL?.toLowerCase() ?? null,
      adminPassword: env.OCELLI_ADMIN_PASSWORD ?? null,
      clientId: env.OCELLI_CLIENT_ID ?? null,
      clientSecret: env.OCELLI_CLIENT_SECRET ?? null,
    },
    logLevel: env.OCELLI_LOG_LEVEL ?? 'info',
  }
}

/** Loopback is the only place where plain HTTP is served without an https public address in front. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** HTTPS by ourselves: with a given certificate, or by the own CA where plain HTTP would leave the machine. */
export function servesHttps(config: Pick<Config, 'http' | 'tls' | 'publicUrl'>): boolean {
  return config.tls !== null || (!isLoopback(config.http.host) && !config.publicUrl?.startsWith('https:'))
}

function url(name: string, value: string | undefined, protocols: string[]): string | null {
  if (!value) return null
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    throw new ConfigError(
      `${name} is not a URL of the form ${protocols.map((protocol) => `${protocol}//…`).join(' or ')}.`,
    )
  }
  return value
}

function port(name: string, value: string | undefined, fallback: number): number {
  return integer(name, value, { fallback, max: 65_535 })
}

function integer(
  name: string,
  value: string | undefined,
  { fallback, max }: { fallback: number; max: number },
): number {
  if (value === undefined) return fallback
  const number = Number(value)
  if (!Number.isInteger(number) || number < 0 || number > max) {
    throw new ConfigError(`${name} is "${value}", not a whole number from 0 to ${max}.`)
  }
  return number
}

/** IPv4 and IPv6 addresses, alone or with the length of their network's prefix. */
function networks(name: string, value: string | undefined): string[] {
  const parts = (value ?? '').split(',').flatMap((part) => part.trim() || [])
  const wrong = parts.find((part) => {
    const [address = '', length, ...more] = part.split('/')
    const version = isIP(address)
    const bits = version === 4 ? 32 : 128
    return (
      version === 0 ||
      more.length > 0 ||
      (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= bits))
    )
  })
  if (wrong === undefined) return parts
  throw new ConfigError(
    `${name} names "${wrong}", which is no address or network of a proxy, like 10.0.0.5 or 10.0.0.0/24.`,
  )
}

function wholeDays(name: string, value: string): number[] {
  const days = value.split(',').map((part) => Number(part.trim() === '' ? Number.NaN : part))
  if (days.length > 10 || !days.every((day) => Number.isInteger(day) && day >= 1 && day <= 3660)) {
    throw new ConfigError(`${name} is "${value}", not up to 10 whole numbers of days with commas between, like 30,7,1.`)
  }
  return [...new Set(days)].sort((a, b) => b - a)
}
