import { isNetworkFailure } from './await-part.ts'
import { ConfigError } from './config.ts'

/** A part outside this process cannot be used now; a later start may find it. The sentence names the variable. */
export class PartUnavailableError extends Error {
  override readonly name = 'PartUnavailableError'
  readonly code = 'part-unavailable'
}

/** Runs what connects to an external part for the first time. Throws PartUnavailableError where the part is at fault. */
export async function reaching<T>(
  part: { variable: string; url: string | null },
  connect: () => Promise<T>,
): Promise<T> {
  try {
    return await connect()
  } catch (cause) {
    if (part.url === null || !isFaultOfPart(cause)) throw cause
    throw new PartUnavailableError(
      `${part.variable} (${new URL(part.url).host}) cannot be used: ${reasonOf(cause)}. Check the address and the login, and that it runs.`,
      { cause },
    )
  }
}

/** Runs what listens. Throws ConfigError where the system refuses address or port. */
export async function listening<T>(
  at: { host: string; port: number; hostVariable: string; portVariable: string },
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen()
  } catch (cause) {
    const sentence = sentences[codeOf(cause)]
    if (!sentence) throw cause
    throw new ConfigError(sentence(at), { cause })
  }
}

interface Address {
  host: string
  port: number
  hostVariable: string
  portVariable: string
}

const noAddress = ({ host, hostVariable }: Address) =>
  `"${host}" is not an address of this machine. Set ${hostVariable} to one, or to 0.0.0.0 for all of them.`
const sentences: Record<string, (address: Address) => string> = {
  EADDRINUSE: ({ host, port, portVariable }) =>
    `Port ${port} of ${host} is taken by another program. Stop that one, or set ${portVariable} to a free port.`,
  EACCES: ({ port, portVariable }) =>
    `This user may not listen on port ${port}. Set ${portVariable} to a port of 1024 or above.`,
  EADDRNOTAVAIL: noAddress,
  ENOTFOUND: noAddress,
  EAI_AGAIN: noAddress,
  EINVAL: noAddress,
}

/** A handshake that fails, and certificates that do not verify, as OpenSSL names them. */
const tls = /^(?:ERR_TLS_\w+|ERR_SSL_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+)$/
/** SQLSTATE: no login (28), no such database (3D), no room (53), not up (57), and no right to make tables (42501). */
const postgres = /^(?:28\w{3}|3D\w{3}|53\w{3}|57\w{3}|42501)$/

function isFaultOfPart(error: unknown): boolean {
  const code = codeOf(error)
  return isNetworkFailure(first(error)) || tls.test(code) || postgres.test(code) || mqttRefusal(error)
}

/** CONNACK's return code, and a broker that takes the connection and says nothing. */
const mqttRefusal = (error: unknown): boolean =>
  error instanceof Error && /^(?:Connection refused: |connack timeout|Connection closed)/i.test(error.message)

/** The first of several addresses that were tried tells enough. */
function first(error: unknown): unknown {
  return error instanceof AggregateError ? (error.errors[0] ?? error) : error
}

function codeOf(error: unknown): string {
  const { code } = (first(error) ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}

function reasonOf(error: unknown): string {
  const one = first(error)
  return one instanceof Error ? one.message.replace(/\.$/, '') : String(one)
}
