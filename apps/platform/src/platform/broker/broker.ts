import type { Server as HttpServer } from 'node:http'
import type { DownMessage } from '@ocelli/contract'
import { writeToStream } from 'mqtt-packet'

/** What a gateway sent: its id is proven, its payload is not. A rejected or slow promise holds back that gateway only. */
export type MessageHandler = (gatewayId: string, payload: Uint8Array) => void | Promise<void>

/** The device channel's transport: the broker in this process, or a connection to an external one. */
export interface Broker {
  /** Resolves with the port listened on; null where the broker is an external one. */
  listen(): Promise<{ port: number | null }>
  /** One handler. */
  onMessage(handler: MessageHandler): void
  /** Gateways connected to this process; never called with an external broker. */
  onConnect(handler: (gatewayId: string) => void): void
  onDisconnect(handler: (gatewayId: string) => void): void
  /** Hands the message over, if the gateway is there. Nothing is queued for one that is not, and nothing is thrown. */
  publish(gatewayId: string, message: DownMessage): void
  /** Ends the gateway's connection to this process, if it has one. */
  disconnect(gatewayId: string): void
  /** MQTT over WebSocket at `/mqtt` of this server; a no-op where the external broker has its own. */
  attachWebSocket(server: HttpServer): void
  /**
   * Shows a new certificate where the present one's time has come. To be called again and again; rejects when it could not,
   * and the former one goes on.
   */
  renewCertificate(): Promise<void>
  /**
   * The certificates that are in use at this moment, PEM: what the in-process broker shows (`mqtt`), or what the platform shows
   * to an external one (`mqtt-client`) and is shown by it (`mqtt-broker`).
   */
  certificates(): Record<string, string>
  close(): Promise<void>
}

/** A hello of 20,000 devices, the most a gateway may have, takes some 1.2 MB. */
export const maxPayloadBytes = 4 * 1024 * 1024

/** To be called before the first packet: mqtt-packet makes a buffer for each of 65,536 numbers then, 19 MB in 30 ms or more, else as needed. */
export function makeNumbersAsNeeded(): void {
  writeToStream.cacheNumbers = false
}
