import type { DownMessage, UpMessage } from '@ocelli/contract'

export type ConnectionState = { connected: true; connectionId: string } | { connected: false; connectionId: null }

/**
 * The gateway's line to the platform. It reconnects by itself and knows nothing of sessions.
 * Listeners are called one after the other, in the order of arrival; each `on...` gives the function that ends it.
 */
export interface Channel {
  readonly connection: ConnectionState
  /**
   * Resolves when the broker has taken the message (QoS 1), which does not mean that the platform has committed it.
   * Rejects with `platform-unreachable` when not connected or when the connection broke first: nothing is queued.
   */
  publish(message: UpMessage): Promise<void>
  onMessage(listener: (message: DownMessage) => void): () => void
  /** Called at every change; the down topic is subscribed before `connected: true` is told. */
  onConnection(listener: (state: ConnectionState) => void): () => void
  /** Says `gone`, closes, and does not come back. */
  close(): Promise<void>
}
