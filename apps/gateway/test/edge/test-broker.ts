import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { type UpMessage, upTopic } from '@ocelli/contract'
import { Aedes, type Client } from 'aedes'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Pair } from './test-authority.ts'

interface Login {
  clientId: string
  username: string | undefined
  password: string | undefined
  protocolVersion: number | undefined
  clean: boolean
  commonName: string | null
  path: 'direct' | 'web-socket'
}

/** A real MQTT broker behind a port of its own and behind a WebSocket, as the platform offers it. */
export interface TestBroker {
  directUrl: string
  webSocketUrl: string
  logins: Login[]
  /** What the gateway said, last wills too. */
  said: UpMessage[]
  /** Those of them that the broker said in its place. */
  wills: UpMessage[]
  /** Called in the moment of a subscription. */
  onSubscribe: () => void
  /** Refuses a login when it gives false. */
  admits: (login: Login) => boolean
  send(gatewayId: string, message: unknown): Promise<void>
  /** Breaks every connection without a goodbye. */
  breakAll(): void
  clientCount(): number
  openDirect(): Promise<void>
  /** As a firewall that refuses. */
  closeDirect(): Promise<void>
  close(): Promise<void>
}

/** `tls: null` serves mqtt and ws without TLS. */
export async function startTestBroker(options: { tls: (Pair & { ca: string }) | null }): Promise<TestBroker> {
  const { tls } = options
  const aedes = await Aedes.createBroker()
  const sockets = new Map<Duplex, Login['path']>()
  const commonNames = new WeakMap<Duplex, string>()
  const secret = tls && { cert: tls.certificate, key: tls.key, ca: tls.ca }

  const broker: TestBroker = {
    directUrl: '',
    webSocketUrl: '',
    logins: [],
    said: [],
    wills: [],
    onSubscribe: () => undefined,
    admits: () => true,
    send: (gatewayId, message) =>
      new Promise((resolve, reject) => {
        const payload = typeof message === 'string' ? message : JSON.stringify(message)
        const topic = `ocelli/v1/gateways/${gatewayId}/down`
        aedes.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        )
      }),
    breakAll() {
      for (const socket of sockets.keys()) socket.destroy()
    },
    clientCount: () => aedes.connectedClients,
    async openDirect() {
      await listen(direct, directPort)
    },
    closeDirect: () => stop(direct, 'direct'),
    async close() {
      await Promise.all([stop(direct, 'direct'), stop(web, 'web-socket')])
      await new Promise<void>((resolve) => aedes.close(resolve))
    },
  }

  function accept(stream: Duplex, path: Login['path']): void {
    sockets.set(stream, path)
    stream.on('error', () => stream.destroy())
    stream.on('close', () => sockets.delete(stream))
    aedes.handle(stream)
  }

  aedes.preConnect = (client, packet, done) => {
    const stream = client.conn
    Object.assign(client, {
      login: {
        clientId: packet.clientId,
        username: packet.username,
        password: packet.password?.toString(),
        protocolVersion: packet.protocolVersion,
        clean: packet.clean === true,
        commonName: commonNames.get(stream) ?? null,
        path: sockets.get(stream) ?? 'direct',
      } satisfies Login,
    })
    done(null, true)
  }
  aedes.authenticate = (client: Client & { login?: Login }, _username, _password, done) => {
    if (client.login) broker.logins.push(client.login)
    done(null, client.login !== undefined && broker.admits(client.login))
  }
  aedes.on('publish', ({ topic, payload }, client) => {
    // A last will comes from the broker itself, when the client is gone.
    if (topic.startsWith('$SYS') || topic.endsWith('/down')) return
    const id = client?.id ?? broker.logins.at(-1)?.clientId ?? ''
    if (topic !== upTopic(id)) return
    const message: UpMessage = JSON.parse(payload.toString())
    broker.said.push(message)
    if (!client?.connected) broker.wills.push(message)
  })
  aedes.on('subscribe', () => broker.onSubscribe())

  const direct: Server = secret
    ? createTlsServer({ ...secret, requestCert: true, rejectUnauthorized: true }, (socket: TLSSocket) => {
        commonNames.set(socket, String(socket.getPeerCertificate().subject.CN))
        accept(socket, 'direct')
      })
    : createTcpServer((socket: Socket) => accept(socket, 'direct'))
  direct.on('tlsClientError', () => undefined)
  const web = secret ? createHttpsServer({ cert: secret.cert, key: secret.key }) : createHttpServer()
  const webSocket = new WebSocketServer({ server: web, path: '/mqtt', handleProtocols: () => 'mqtt' })
  webSocket.on('connection', (socket) => accept(createWebSocketStream(socket), 'web-socket'))

  const directPort = await listen(direct, 0)
  const webPort = await listen(web, 0)
  broker.directUrl = `${tls ? 'mqtts' : 'mqtt'}://localhost:${directPort}`
  broker.webSocketUrl = `${tls ? 'wss' : 'ws'}://localhost:${webPort}/mqtt`
  return broker

  function stop(server: Server, path: Login['path']): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve())
      for (const [socket, by] of sockets) if (by === path) socket.destroy()
    })
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
