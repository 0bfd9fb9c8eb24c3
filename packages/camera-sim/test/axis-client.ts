import { createHash } from 'node:crypto'
import { buildEap, type EapOptions } from '@ocelli/app-package/testing'
import { onTestFinished } from 'vitest'
import { type AxisCameraOptions, createAxisCamera, type SimulatedAxisCamera } from '../src/index.ts'

export const root = { user: 'root', password: 'secret' }
export const serialNumber = 'ACCC8E000001'

export async function startAxis(options: Partial<AxisCameraOptions> = {}): Promise<SimulatedAxisCamera> {
  const camera = await createAxisCamera({ serialNumber, ...root, installMs: 10, ...options })
  onTestFinished(() => camera.close())
  return camera
}

export interface AxisReply {
  status: number
  type: string
  text: string
}

export interface AxisRequest {
  method?: string
  headers?: Record<string, string>
  body?: FormData | string
}

/** Fetches without credentials, and again with those that the challenge asks for. */
export async function axisFetch(
  camera: SimulatedAxisCamera,
  path: string,
  { login = root, ...request }: AxisRequest & { login?: typeof root | null } = {},
): Promise<AxisReply> {
  const method = request.method ?? 'POST'
  // A body is sent once the challenge is known: a real client does not send a large one twice.
  const first = await fetch(`${camera.url}${path}`, { ...request, method, body: login === null ? request.body : null })
  if (first.status !== 401 || login === null) {
    if (login === null || request.body === undefined) return readReply(first)
    return readReply(await fetch(`${camera.url}${path}`, { ...request, method }))
  }
  await first.text()
  const authorization = answerDigest(first.headers.get('www-authenticate') ?? '', { ...login, method, uri: path })
  return readReply(
    await fetch(`${camera.url}${path}`, {
      ...request,
      method,
      headers: { ...request.headers, Authorization: authorization },
    }),
  )
}

async function readReply(reply: Response): Promise<AxisReply> {
  return { status: reply.status, type: reply.headers.get('content-type') ?? '', text: await reply.text() }
}

interface DigestParts {
  user: string
  password: string
  method: string
  uri: string
}

/** RFC 7616 with what the challenge has: qop and opaque may be missing, other schemes may stand beside it. */
export function answerDigest(challenge: string, { user, password, method, uri }: DigestParts): string {
  const digest = challenge.slice(challenge.indexOf('Digest '))
  const part = (name: string) => new RegExp(`[ ,]${name}="?([^",]+)`).exec(digest)?.[1]
  const hash = (text: string) => createHash('md5').update(text).digest('hex')
  const one = hash(`${user}:${part('realm')}:${password}`)
  const two = hash(`${method}:${uri}`)
  const qop = part('qop')
  const response = hash(`${one}:${part('nonce')}:${qop === undefined ? '' : `00000001:abcdef:${qop}:`}${two}`)
  const opaque = part('opaque')
  return [
    `Digest username="${user}", realm="${part('realm')}", nonce="${part('nonce')}", uri="${uri}", response="${response}"`,
    ...(qop === undefined ? [] : [`qop=${qop}, nc=00000001, cnonce="abcdef"`]),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
  ].join(', ')
}

export async function uploadEap(camera: SimulatedAxisCamera, options: Partial<EapOptions> | Buffer = {}) {
  const bytes = Buffer.isBuffer(options) ? options : await buildEap({ appId: 'hello_world', ...options })
  return uploadBytes(camera, bytes)
}

export async function uploadBytes(camera: SimulatedAxisCamera, bytes: Buffer, part = 'file', fileName = 'app.eap') {
  const form = new FormData()
  form.append(part, new Blob([new Uint8Array(bytes)], { type: 'application/octet-stream' }), fileName)
  return (await axisFetch(camera, '/axis-cgi/applications/upload.cgi', { body: form })).text.trim()
}

export async function control(camera: SimulatedAxisCamera, action: string, name = 'hello_world'): Promise<string> {
  const path = `/axis-cgi/applications/control.cgi?action=${action}&package=${name}`
  return (await axisFetch(camera, path)).text.trim()
}

export async function listApps(camera: SimulatedAxisCamera): Promise<string> {
  return (await axisFetch(camera, '/axis-cgi/applications/list.cgi')).text
}

export async function callJson(
  camera: SimulatedAxisCamera,
  name: string,
  body: object,
  login: typeof root | null = root,
) {
  const request = { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' }, login }
  const { text } = await axisFetch(camera, `/axis-cgi/${name}.cgi`, request)
  return JSON.parse(text)
}
