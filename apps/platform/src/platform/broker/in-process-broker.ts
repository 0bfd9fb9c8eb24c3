import { once } from 'node:events'
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type TLSSocket } from 'node:tls'
import { downTopic, upTopic } from '@ocelli/contract'
import { Aedes, type AuthenticateError, type Client } from 'aedes'
import type { Logger } from 'pino'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { AccessTokens } from '../auth/access-token.ts'
import type { CertificateAuthority, KeyAndCertificate } from '../ca/certificate-authority.ts'
import { createLastingCertificate } from '../ca/lasting-certificate.ts'
import type { Database } from '../database/database.ts'
import { serverRenewedAfterMs } from '../http/server-certificate.ts'
import { listenBacklog } from '../listen-backlog.ts'
import { type Broker, type MessageHandler, makeNumbersAsNeeded, maxPayloadBytes } from './broker.ts'
import { createGatewayKeys, refuseLogin } from './gateway-credentials.ts'
import { limitPackets } from './packet-limit.ts'

export interface BrokerOptions {
  db: Database
  ca: CertificateAuthority
  accessTokens: AccessTokens
  log: Logger
  listen: { host: string; port: number }
  /** Host names and addresses that gateways reach the MQTT port by. */
  names: string[]
  nowMs: () => number
}

const beforeLoginBytes = 64 * 1024
/** What may wait in one connection; a gateway that does not read loses messages, and they are sent again. */
const maxWaitingBytes = 16 * 1024 * 1024
const notAuthorized = 5
/** After a restart thousands wait for their turn: who is cut off while waiting begins anew, and all of its work is done twice. */
const handshakeTimeoutMs = 60_000

/** MQTT 3.1.1 in this process: TLS with client certificates of our CA, and WebSocket inside the HTTP server. */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const { db, accessTokens, log } = options
  makeNumbersAsNeeded()
  const keys = createGatewayKeys(db)
  const clients = new Map<string, Client>()
  let handle: MessageHandler = () => undefined
  let connected: (gatewayId: string) => void = () => undefined
  let disconnected: (gatewayId: string) => void = () => undefined

  const aedes = await Aedes.createBroker({
    connectTimeout: 10_000,
    drainTimeout: 30_000,
    keepaliveLimit: 300,
    preConnect(_client, packet, done) {
      const { clientId, clean, will } = packet
      const isWillOwn = !will || will.topic === upTopic(clientId)
      const isOwn = clean === true && isWillOwn && (will?.payload?.length ?? 0) <= beforeLoginBytes
      if (!isOwn) log.info({ gatewayId: clientId }, 'a connection with a foreign will or a kept session was refused')
      done(null, isOwn)
    },
    authenticate(client, username, password, done) {
      const login = { connection: client.conn, clientId: client.id, username, password }
      refuseLogin(login, { keys, accessTokens }).then(
        (reason) => {
          if (reason !== null) log.info({ gatewayId: client.id, reason }, 'a gateway was refused at the device channel')
          done(reason === null ? null : refusal(reason), reason === null)
        },
        (error: unknown) => {
          log.error({ err: error, gatewayId: client.id }, 'a login at the device channel could not be judged')
          done(refusal('unavailable'), false)
        },
      )
    },
    authorizePublish(client, packet, done) {
      if (!client || packet.topic !== upTopic(client.id) || packet.qos > 1) {
        log.warn({ gatewayId: client?.id, topic: packet.topic }, 'a publish to a foreign topic was refused')
        return done(new Error('not authorized'))
      }
      // nothing relies on retained messages, and keeping them would cost memory for each gateway
      packet.retain = false
      done(null)
    },
    authorizeSubscribe: (client, subscription, done) =>
      done(null, subscription.topic === downTopic(client.id) ? subscription : null),
    published(packet, client, done) {
      if (!client || packet.topic !== upTopic(client.id)) return done(null)
      // reading from this gateway goes on when its message has been taken in: a flood waits in its own socket
      Promise.resolve(handle(client.id, Buffer.from(packet.payload)))
        .catch((error: unknown) => log.error({ err: error, gatewayId: client.id }, 'a message could not be handled'))
        .finally(() => done(null))
    },
  })
  aedes.on('clientReady', (client) => {
    clients.set(client.id, client)
    connected(client.id)
  })
  aedes.on('clientDisconnect', (client) => {
    if (clients.get(client.id) !== client) return
    clients.delete(client.id)
    disconnected(client.id)
  })
  aedes.on('clientError', (client, error) => log.debug({ gatewayId: client.id, err: error }, 'a connection broke'))
  aedes.on('connectionError', (_client, error) => log.debug({ err: error }, 'a connection broke before its login'))

  const take = (connection: Duplex, request?: IncomingMessage): void => {
    const client: Client = aedes.handle(connection, request)
    limitPackets(connection, () => (client.connected ? maxPayloadBytes : beforeLoginBytes))
  }
  const listener = await createListener(options, (socket) => take(socket))
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxPayloadBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  })

  return {
    async listen() {
      listener.server.listen({ port: options.listen.port, host: options.listen.host, backlog: listenBacklog })
      await once(listener.server, 'listening')
      return { port: (listener.server.address() as AddressInfo).port }
    },
    onMessage: (handler) => {
      handle = handler
    },
    onConnect: (handler) => {
      connected = handler
    },
    onDisconnect: (handler) => {
      disconnected = handler
    },
    publish(gatewayId, message) {
      const client = clients.get(gatewayId)
      if (!client) return
      if (client.conn.writableLength > maxWaitingBytes) {
        log.warn({ gatewayId, kind: message.kind }, 'a gateway does not read; a message for it was dropped')
        return
      }
      const payload = Buffer.from(JSON.stringify(message))
      const topic = downTopic(gatewayId)
      client.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => undefined)
    },
    disconnect: (gatewayId) => clients.get(gatewayId)?.close(),
    attachWebSocket(server: HttpServer) {
      server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        // Node has taken its own listener off: without one, whoever breaks off here would end this process.
        socket.on('error', (error) => log.debug({ err: error }, 'a WebSocket broke'))
        if (request.url?.split('?')[0] !== '/mqtt') {
          const answer = 'HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
          socket.end(answer, () => socket.destroy())
          return
        }
        webSockets.handleUpgrade(request, socket, head, (webSocket) => take(createWebSocketStream(webSocket), request))
      })
    },
    renewCertificate: listener.renewCertificate,
    certificates: () => ({ mqtt: listener.shown().certPem }),
    async close() {
      handle = () => undefined
      const ended = listener.server.listening ? once(listener.server, 'close') : null
      if (ended) listener.server.close()
      await new Promise<void>((resolve) => aedes.close(resolve))
      for (const webSocket of webSockets.clients) webSocket.terminate()
      for (const socket of listener.sockets) socket.destroy()
      await ended
    },
  }
}

/** The port for gateways with a certificate. */
async function createListener({ ca, names, nowMs, log }: BrokerOptions, take: (socket: TLSSocket) => void) {
  const sockets = new Set<TLSSocket>()
  const issue = () => ca.issueServerCertificate({ names })
  const certificate = createLastingCertificate({ issue, renewedAfterMs: serverRenewedAfterMs, nowMs })
  const contextOf = ({ certPem, keyPem }: KeyAndCertificate) => ({
    ...{ cert: certPem, key: keyPem, ca: [ca.certificatePem], minVersion: 'TLSv1.2' as const },
  })
  let shown = await certificate.present()
  const required = { requestCert: true, rejectUnauthorized: true, handshakeTimeout: handshakeTimeoutMs }
  const server = createServer({ ...contextOf(shown), ...required }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.setNoDelay(true)
    take(socket)
  })
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'a TLS handshake failed'))

  /** Connections that stand go on with what they were shown. */
  async function renewCertificate(): Promise<void> {
    const present = await certificate.present()
    if (present === shown) return
    server.setSecureContext(contextOf(present))
    shown = present
    log.info('the MQTT port shows a new certificate')
  }
  return { server, sockets, renewCertificate, shown: () => shown }
}

const refusal = (reason: string): AuthenticateError => Object.assign(new Error(reason), { returnCode: notAuthorized })
