import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { FaultSet } from '../faults.ts'

export interface TlsIdentity {
  key: string
  certificate: string
}

export interface Listener {
  /** The port in use, also while the camera is down. */
  port(): number
  /** Listens; after `stop`, on the same port again. */
  start(): Promise<void>
  /** Refuses new connections and cuts all there are. */
  stop(): Promise<void>
}

export interface ListenerOptions {
  host: string
  port: number
  tls: TlsIdentity | null
  faults: FaultSet
  /** `isWaiting`: the client sent Expect: 100-continue and holds the body back. */
  onRequest: (request: IncomingMessage, response: ServerResponse, isWaiting: boolean) => void
}

/** One camera's HTTP port, which can go away and come back. */
export function createListener(options: ListenerOptions): Listener {
  let { port } = options
  let server: Server | null = null

  return {
    port: () => port,
    async start() {
      const sockets = new Set<Duplex>()
      const started = makeServer(options)
      started.on('connection', (socket: Duplex) => {
        if (options.faults.get('oneConnection') && sockets.size > 0) return void socket.destroy()
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
      // closeAllConnections leaves out sockets that have not yet sent a request.
      started.on('cut', () => {
        for (const socket of sockets) socket.destroy()
      })
      await listen(started, { host: options.host, port })
      port = (started.address() as AddressInfo).port
      server = started
    },
    async stop() {
      const stopped = server
      server = null
      if (stopped === null) return
      const closed = new Promise((resolve) => stopped.close(resolve))
      stopped.emit('cut')
      await closed
    },
  }
}

function makeServer({ tls, onRequest }: ListenerOptions): Server {
  const listener: RequestListener = (request, response) => onRequest(request, response, false)
  // Uploads have a time limit of their own, which answers 408 instead of cutting.
  const settings = { requestTimeout: 0, keepAliveTimeout: 15_000 }
  const server =
    tls === null
      ? createServer(settings, listener)
      : createTlsServer({ ...settings, key: tls.key, cert: tls.certificate }, listener)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => onRequest(request, response, true))
  return server
}

function listen(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}
