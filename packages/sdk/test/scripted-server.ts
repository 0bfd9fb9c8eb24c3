import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'

export interface Received {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

/** One scene: how the server treats the next request. */
export type Scene = (response: ServerResponse, received: Received) => void | Promise<void>

export interface ScriptedServer {
  baseUrl: string
  received: Received[]
  /** Resolves when that many requests have come. */
  until(count: number): Promise<void>
}

/** A server on loopback that plays one scene for each request and the last one for all that follow. */
export async function playScript(...scenes: [Scene, ...Scene[]]): Promise<ScriptedServer> {
  const { close, ...server } = await startScript(...scenes)
  onTestFinished(close)
  return server
}

/** The same for longer than one test. */
export async function startScript(
  ...scenes: [Scene, ...Scene[]]
): Promise<ScriptedServer & { close: () => Promise<void> }> {
  const received: Received[] = []
  const arrivals = new EventTarget()
  const server = createServer(async (request, response) => {
    const scene = scenes[Math.min(received.length, scenes.length - 1)] as Scene
    const entry = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: '' }
    received.push(entry)
    arrivals.dispatchEvent(new Event('arrival'))
    for await (const chunk of request) entry.body += String(chunk)
    await scene(response, entry)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    received,
    async close() {
      server.closeAllConnections()
      server.close()
    },
    async until(count) {
      while (received.length < count) await once(arrivals, 'arrival')
    },
  }
}

export const json =
  (body: unknown, { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {}): Scene =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    response.end(JSON.stringify(body))
  }

export const problem = (
  status: number,
  code: string,
  { headers = {}, ...more }: { headers?: Record<string, string>; [field: string]: unknown } = {},
): Scene =>
  json(
    {
      ...{ type: `urn:ocelli:problem:${code}`, title: code, status, detail: `It is ${code}.`, instance: '/', code },
      ...{ requestId: 'request-1', retryable: false, retryAfterSeconds: null, requiredPermission: null, errors: [] },
      ...more,
    },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  )

/** The connection ends without an answer. */
export const reset: Scene = (response) => {
  response.socket?.resetAndDestroy()
}

/** Takes the request and says nothing more. */
export const silence: Scene = () => {}

export const html =
  (status: number, headers: Record<string, string> = {}): Scene =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers })
    response.end('<!doctype html><title>A proxy</title>')
  }

/** Begins an answer of the announced length and breaks the connection in its middle. */
export const brokenBody =
  (begin: string, headers: Record<string, string> = {}, status = 200): Scene =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.write(begin, () => setImmediate(() => response.socket?.resetAndDestroy()))
  }
