import { isIP } from 'node:net'
import type { PlaceLimits } from './http/places.ts'

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
  limits: { streams: PlaceLimits; openRolloutsPerAccount: number }
  databasePoolSize: number
  /** 0: no limit. */
  statementTimeoutSeconds: number
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

/** Reads the environment once. An empty variable counts as not set. Throws ConfigError with the variable's name. */
export function readConfig(environment: Environment): Config {
  const { text, oneOf, integer, url } = createReader(environment)
  const databaseUrl = url('DATABASE_URL', ['postgres:', 'postgresql:'])
  const masterKey = text('OCELLI_MASTER_KEY', isMasterKey, 'is not 32 bytes in base64')
  if (databaseUrl && !masterKey) {
    throw new ConfigError(
      'With DATABASE_URL, OCELLI_MASTER_KEY is required (32 bytes in base64, for example from `openssl rand -base64 32`): the keys in the database are sealed with it.',
    )
  }
  const httpHost = text('OCELLI_HTTP_HOST', isHost, notAHost) ?? '127.0.0.1'
  const config = {
    http: { host: httpHost, port: integer('OCELLI_HTTP_PORT', { fallback: 8080, min: 1, max: 65_535 }) },
    mqtt: {
      host: text('OCELLI_MQTT_HOST', isHost, notAHost) ?? httpHost,
      port: integer('OCELLI_MQTT_PORT', { fallback: 8883, min: 1, max: 65_535 }),
    },
    publicUrl: url('OCELLI_PUBLIC_URL', ['http:', 'https:'], isBare)?.replace(/\/+$/, '') ?? null,
    mqttPublicUrl: url('OCELLI_MQTT_PUBLIC_URL', ['mqtts:'], isBare),
    tls: readTls(text),
    databaseUrl,
    mqttUrl: url('MQTT_URL', ['mqtts:', 'mqtt:']),
    blobUrl: url('BLOB_URL', ['s3:', 'file:'], isBlobUrl),
    masterKey,
    localGateway: oneOf('OCELLI_LOCAL_GATEWAY', ['on', 'off']) !== 'off',
    rateLimitPerSecond: integer('OCELLI_RATE_LIMIT', { fallback: 100, max: 1_000_000 }),
    trustedProxies: networks('OCELLI_TRUSTED_PROXIES', text('OCELLI_TRUSTED_PROXIES') ?? ''),
    limits: {
      streams: {
        perCaller: integer('OCELLI_STREAMS', { fallback: 20, max: 1_000_000 }),
        perAccount: integer('OCELLI_ACCOUNT_STREAMS', { fallback: 200, max: 1_000_000 }),
      },
      openRolloutsPerAccount: integer('OCELLI_OPEN_ROLLOUTS', { fallback: 200, max: 1_000_000 }),
    },
    databasePoolSize: integer('OCELLI_DATABASE_POOL', { fallback: 20, min: 1, max: 500 }),
    statementTimeoutSeconds: integer('OCELLI_STATEMENT_TIMEOUT_SECONDS', { fallback: 30, max: 3600 }),
    licensing: {
      warnDays: wholeDays('OCELLI_LICENSE_WARN_DAYS', text('OCELLI_LICENSE_WARN_DAYS') ?? '30,7,1'),
      keyRotationDays: integer('OCELLI_LICENSE_KEY_ROTATION_DAYS', { fallback: 365, max: 36_500 }),
    },
    first: {
      adminEmail:
        text('OCELLI_ADMIN_EMAIL', isEmail, 'is not an e-mail address that can sign in')?.toLowerCase() ?? null,
      adminPassword: text('OCELLI_ADMIN_PASSWORD', upTo(128), 'is longer than the 128 characters of a password'),
      clientId: text('OCELLI_CLIENT_ID', isClientId, 'is not 1 to 255 characters of ASCII without spaces and colons'),
      clientSecret: text('OCELLI_CLIENT_SECRET', isClientSecret, 'is not one line of at most 256 characters'),
    },
    logLevel: oneOf('OCELLI_LOG_LEVEL', logLevels) ?? 'info',
  }
  if (!config.mqttUrl && config.http.port === config.mqtt.port && config.http.host === config.mqtt.host) {
    throw new ConfigError(
      `OCELLI_HTTP_PORT and OCELLI_MQTT_PORT are both ${config.http.port}: HTTP and the device channel need a port each.`,
    )
  }
  return config
}

/** Loopback is the only place where plain HTTP is served without an https public address in front. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** HTTPS by ourselves: with a given certificate, or by the own CA where plain HTTP would leave the machine. */
export function servesHttps(config: Pick<Config, 'http' | 'tls' | 'publicUrl'>): boolean {
  return config.tls !== null || (!isLoopback(config.http.host) && !config.publicUrl?.startsWith('https:'))
}

type Environment = Record<string, string | undefined>
type Rule = (value: string) => boolean
type TextReader = ReturnType<typeof createReader>['text']

const logLevels = ['debug', 'info', 'warn', 'error', 'fatal', 'trace', 'silent'] as const
const notAHost = 'is not an IP address or a host name, without a port'
const isHost: Rule = (value) => isIP(value) !== 0 || /^[\w.-]+$/.test(value)
const isMasterKey: Rule = (value) => Buffer.from(value.trim(), 'base64').length === 32
/** What the schema of sign-in lets through: an administrator whom it refuses could never sign in. */
const isEmail: Rule = (value) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) && value.length <= 254
/** A colon would end it in HTTP Basic. */
const isClientId: Rule = (value) => /^[!-9;-~]{1,255}$/.test(value)
const isClientSecret: Rule = (value) => /^[^\p{Cc}]{1,256}$/u.test(value)
const upTo =
  (length: number): Rule =>
  (value) =>
    value.length <= length
/** It is shown to everybody and paths are added to it. */
const isBare = ({ username, password, search, hash }: URL) => !(username || password || search || hash)

function isBlobUrl(url: URL, given: string): boolean {
  if (url.protocol === 'file:') return given.startsWith('file:///')
  const endpoint = url.searchParams.get('endpoint')
  return url.host !== '' && (endpoint === null || /^https?:\/\/[^/]/.test(endpoint))
}

/** Secrets among the variables are never repeated in a sentence. */
function createReader(environment: Environment) {
  const given = (name: string): string | null => environment[name] || null
  return {
    text(name: string, rule: Rule = () => true, fault = ''): string | null {
      const value = given(name)
      if (value !== null && !rule(value)) throw new ConfigError(`${name} ${fault}.`)
      return value
    },
    oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | null {
      const value = given(name)?.toLowerCase() ?? null
      const choice = choices.find((one) => one === value)
      if (value !== null && choice === undefined) {
        throw new ConfigError(`${name} is "${value}", not one of ${choices.join(', ')}.`)
      }
      return choice ?? null
    },
    integer(name: string, { fallback, min = 0, max }: { fallback: number; min?: number; max: number }): number {
      const value = given(name)
      if (value === null) return fallback
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
      if (!(number >= min && number <= max)) {
        throw new ConfigError(`${name} is "${value}", not a whole number from ${min} to ${max}.`)
      }
      return number
    },
    url(name: string, protocols: string[], rule: (url: URL, given: string) => boolean = () => true): string | null {
      const value = given(name)
      if (value === null) return null
      const url = URL.canParse(value) ? new URL(value) : null
      if (url === null || !protocols.includes(url.protocol) || !rule(url, value)) {
        throw new ConfigError(`${name} is not a URL of the form ${formOf(name, protocols)}.`)
      }
      return value
    },
  }
}

const formOf = (name: string, protocols: string[]): string =>
  name === 'BLOB_URL'
    ? 's3://bucket/prefix?endpoint=https://…&region=… or file:///folder'
    : protocols.map((protocol) => `${protocol}//…`).join(' or ')

function readTls(text: TextReader): Config['tls'] {
  const [certificateFile, keyFile] = [text('OCELLI_TLS_CERT'), text('OCELLI_TLS_KEY')]
  if (certificateFile && keyFile) return { certificateFile, keyFile }
  if (!certificateFile && !keyFile) return null
  throw new ConfigError('Set OCELLI_TLS_CERT and OCELLI_TLS_KEY together: one of them is missing.')
}

/** IPv4 and IPv6 addresses, alone or with the length of their network's prefix. */
function networks(name: string, value: string): string[] {
  const parts = value.split(',').flatMap((part) => part.trim() || [])
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
