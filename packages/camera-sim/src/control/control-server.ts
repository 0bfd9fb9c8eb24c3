import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { readBody } from '../http/read-body.ts'
import type { AnyCamera } from '../simulated-camera.ts'
import { ControlError, cameraActions, describeCamera } from './camera-actions.ts'

/** A running control interface. Closing it cuts the connections that are open and leaves the cameras running. */
export interface ControlServer {
  /** Address without path, such as `http://127.0.0.1:8090`. */
  readonly url: string
  close(): Promise<void>
}

export interface ControlServerOptions {
  cameras: readonly AnyCamera[]
  /** 0 takes a free one. */
  port: number
}

const maxBodyBytes = 64 * 1024

/**
 * Serves a JSON interface to the faults, apps and power of cameras, on 127.0.0.1 only. Rejects when the port is taken.
 * Failures are `{code, detail}` with 400, 404, 413 or 415.
 */
export async function startControlServer({ cameras, port }: ControlServerOptions): Promise<ControlServer> {
  // By the ids they were started with: a fault may have a camera report another one.
  const byId = new Map(cameras.map((camera) => [camera.deviceId, camera]))
  const server = createServer((request, response) => {
    answer(request, byId)
      .catch(describeError)
      .then(({ status, value }) => send(response, status, value))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  const usedPort = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://127.0.0.1:${usedPort}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

interface Result {
  status: number
  value: unknown
}

async function answer(request: IncomingMessage, cameras: ReadonlyMap<string, AnyCamera>): Promise<Result> {
  const { method = 'GET' } = request
  const [root, id, ...rest] = readPath(request.url ?? '/')
  if (root !== 'cameras') throw new ControlError('not-found', 'Everything here is below /cameras.')
  if (id === undefined && method === 'GET') return { status: 200, value: [...cameras.values()].map(describeCamera) }
  const camera = cameras.get(id ?? '')
  if (camera === undefined) throw new ControlError('not-found', `There is no camera ${id ?? ''}.`)
  const [noun = '', name = ''] = rest
  const key = `${method} ${noun}${rest.length === 2 ? '/' : ''}`
  const action = Object.hasOwn(cameraActions, key) ? cameraActions[key] : undefined
  if (action === undefined || rest.length > 2) throw new ControlError('not-found', `${key.trim()} is not known here.`)
  const read =
    method === 'GET' || method === 'DELETE' ? { kind: 'read' as const, body: undefined } : await readJson(request)
  if (read.kind === 'refused') return { status: read.status, value: { code: 'invalid-request', detail: read.detail } }
  return { status: 200, value: await action({ camera, name, body: read.body }) }
}

function readPath(url: string): string[] {
  const path = url.split('?')[0] ?? ''
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent)
  } catch (error) {
    if (error instanceof URIError) throw new ControlError('invalid-request', 'The path is not well encoded.')
    throw error
  }
}

type ReadJson = { kind: 'read'; body: unknown } | { kind: 'refused'; status: number; detail: string }

/** A body of another type is refused: a web page may send such to 127.0.0.1 without asking. */
async function readJson(request: IncomingMessage): Promise<ReadJson> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') return { kind: 'refused', status: 415, detail: 'Send application/json.' }
  const text = await readBody(request, maxBodyBytes)
  if (text === null) return { kind: 'refused', status: 413, detail: 'At most 64 KiB are taken.' }
  if (text.trim() === '') return { kind: 'read', body: undefined }
  try {
    return { kind: 'read', body: JSON.parse(text) }
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'refused', status: 400, detail: 'The body is no JSON.' }
    throw error
  }
}

function describeError(error: unknown): Result {
  if (error instanceof ControlError) {
    return { status: error.code === 'not-found' ? 404 : 400, value: { code: error.code, detail: error.message } }
  }
  const detail = error instanceof Error ? error.message : String(error)
  return { status: 500, value: { code: 'internal', detail } }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(value)}\n`)
}
