import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text as readText } from 'node:stream/consumers'
import type { SimulatedCamera } from '../src/index.ts'
import { readXml, type XmlElement } from '../src/xml/reader.ts'

/** A client made of node:http alone, so that these tests share no protocol code with the camera. */
export interface RawRequest {
  path: string
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

export interface RawReply {
  status: number
  headers: IncomingHttpHeaders
  /** All WWW-Authenticate values. */
  challenges: string[]
  body: string
}

type Reachable = Pick<SimulatedCamera, 'port' | 'isSecure' | 'certificate'>

export async function send(camera: Reachable, request: RawRequest): Promise<RawReply> {
  const { path, method = 'POST', headers = {}, body = '' } = request
  const { promise, resolve, reject } = Promise.withResolvers<RawReply>()
  const options = { host: '127.0.0.1', port: camera.port, path, method, headers, agent: false as const }
  const sent = camera.isSecure
    ? httpsRequest({ ...options, ca: camera.certificate ?? '', checkServerIdentity: () => undefined })
    : httpRequest(options)
  sent.on('error', reject)
  sent.on('response', (reply) => {
    readText(reply).then((text) => {
      const raw = reply.rawHeaders
      const challenges = raw.filter((_, index) => raw[index - 1]?.toLowerCase() === 'www-authenticate')
      resolve({ status: reply.statusCode ?? 0, headers: reply.headers, challenges, body: text })
    }, reject)
  })
  sent.end(body)
  return promise
}

export interface Login {
  user: string
  password: string
}

export const admin: Login = { user: 'admin', password: 'secret' }

/** Sends without credentials, and again with those that the challenge asks for. */
export async function sendWithDigest(
  camera: Reachable,
  request: RawRequest,
  { login = admin, algorithm = 'MD5' }: { login?: Login; algorithm?: string } = {},
): Promise<RawReply> {
  const first = await send(camera, request)
  if (first.status !== 401) return first
  const challenge = first.challenges.find((one) => one.includes(`algorithm=${algorithm},`)) ?? ''
  const authorization = answerChallenge(challenge, { ...login, method: request.method ?? 'POST', uri: request.path })
  return send(camera, { ...request, headers: { ...request.headers, Authorization: authorization } })
}

interface DigestParts extends Login {
  method: string
  uri: string
  nc?: string
}

export function answerChallenge(challenge: string, { user, password, method, uri, nc = '00000001' }: DigestParts) {
  const part = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(challenge)?.[1] ?? ''
  const hash = (text: string) =>
    createHash(part('algorithm') === 'SHA-256' ? 'sha256' : 'md5')
      .update(text)
      .digest('hex')
  const cnonce = randomBytes(8).toString('hex')
  const one = hash(`${user}:${part('realm')}:${password}`)
  const response = hash(`${one}:${part('nonce')}:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`)
  const quoted = { username: user, realm: part('realm'), nonce: part('nonce'), uri, cnonce, response }
  const plain = { qop: 'auth', nc, algorithm: part('algorithm'), opaque: `"${part('opaque')}"` }
  return `Digest ${[
    ...Object.entries(quoted).map(([name, value]) => `${name}="${value}"`),
    ...Object.entries(plain).map(([name, value]) => `${name}=${value}`),
  ].join(', ')}`
}

/** A wsse:Security header with a password digest. */
export function usernameToken({ user, password }: Login, created: Date, nonce = randomBytes(16)): string {
  const time = created.toISOString()
  const digest = createHash('sha1').update(nonce).update(time).update(password).digest('base64')
  const base = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-'
  return `<w:Security xmlns:w="${base}wssecurity-secext-1.0.xsd" xmlns:u="${base}wssecurity-utility-1.0.xsd">
    <w:UsernameToken><w:Username>${user}</w:Username>
    <w:Password Type="${base}username-token-profile-1.0#PasswordDigest">${digest}</w:Password>
    <w:Nonce>${nonce.toString('base64')}</w:Nonce><u:Created>${time}</u:Created></w:UsernameToken></w:Security>`
}

const env = 'http://www.w3.org/2003/05/soap-envelope'
export const soapType = 'application/soap+xml; charset=utf-8'

export const services = {
  tds: { path: '/onvif/device_service', uri: 'http://www.onvif.org/ver10/device/wsdl' },
  ans: { path: '/onvif/appmgmt', uri: 'http://www.onvif.org/ver10/appmgmt/wsdl' },
  tev: { path: '/onvif/event_service', uri: 'http://www.onvif.org/ver10/events/wsdl' },
  wsnt: { path: '/onvif/event_service', uri: 'http://docs.oasis-open.org/wsn/b-2' },
} as const

export type ServiceName = keyof typeof services

export function envelope(body: string, header = ''): string {
  return `<s:Envelope xmlns:s="${env}"><s:Header>${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`
}

export function soapRequest(service: ServiceName, body: string, options: { header?: string; path?: string } = {}) {
  const { path, uri } = services[service]
  const declared = body.replace(/^<([\w:]+)/, `<$1 xmlns:${service}="${uri}"`)
  return {
    path: options.path ?? path,
    headers: { 'Content-Type': soapType },
    body: envelope(declared, options.header),
  }
}

export interface SoapReply extends RawReply {
  /** Child of the SOAP body. */
  content: XmlElement
  /** `Receiver ter:Action` for a fault, null else. */
  fault: string | null
  reason: string
}

/** Calls an operation with HTTP Digest as the administrator. */
export async function call(camera: SimulatedCamera, service: ServiceName, body: string, path?: string) {
  return readReply(await sendWithDigest(camera, soapRequest(service, body, { path })))
}

export function readReply(reply: RawReply): SoapReply {
  const content = all(readXml(reply.body), 'Body')[0]?.children[0]
  if (content === undefined) throw new Error('The SOAP body is empty.')
  const values = content.name === 'Fault' ? all(content, 'Value').map((value) => value.text.replace(/^env:/, '')) : null
  return { ...reply, content, fault: values?.join(' ') ?? null, reason: all(content, 'Text')[0]?.text ?? '' }
}

/** All elements of that local name below. */
export function all(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)])
}

export const textsOf = (element: XmlElement, name: string) => all(element, name).map((one) => one.text)
