import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Bytes that passed at a moment; times by `performance.now()`. */
export interface Passage {
  atMs: number
  bytes: number
}

/** One connection over the line; these programs make one request on each. */
export interface MeteredConnection {
  /** `POST /path HTTP/1.1` */
  readonly firstLine: string
  readonly range: string | null
  readonly up: readonly Passage[]
  readonly down: readonly Passage[]
  readonly upBytes: number
  /** Null while it is open. */
  readonly closedAtMs: number | null
}

export interface LineMeter {
  /** Where to connect instead of the metered port, on 127.0.0.1. */
  readonly port: number
  readonly connections: readonly MeteredConnection[]
  close(): Promise<void>
}

/** A line to a server of this machine that counts what passes. Both ends see each other's closing. */
export async function createLineMeter(
  toPort: number,
  onUp: (connection: MeteredConnection) => void = () => undefined,
): Promise<LineMeter> {
  const connections: MeteredConnection[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: toPort, host: '127.0.0.1', allowHalfOpen: true })
    const seen: Mutable<MeteredConnection> = {
      ...{ firstLine: '', range: null, up: [], down: [], upBytes: 0, closedAtMs: null },
    }
    connections.push(seen)
    const up: Passage[] = []
    const down: Passage[] = []
    Object.assign(seen, { up, down })
    near.on('data', (chunk: Buffer) => {
      if (up.length === 0) Object.assign(seen, readHead(chunk))
      up.push({ atMs: performance.now(), bytes: chunk.length })
      seen.upBytes += chunk.length
      onUp(seen)
    })
    far.on('data', (chunk: Buffer) => void down.push({ atMs: performance.now(), bytes: chunk.length }))
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        seen.closedAtMs ??= performance.now()
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    connections,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

function readHead(chunk: Buffer): Pick<MeteredConnection, 'firstLine' | 'range'> {
  const head = chunk.toString('latin1', 0, 4000)
  return { firstLine: head.split('\r\n')[0] ?? '', range: /^range: (.*)$/im.exec(head)?.[1]?.trim() ?? null }
}

/**
 * By how many bytes, at most, what had passed was ahead of a rate that began with the first of them. What is seen late only
 * makes this less, so a busy machine does no harm.
 */
export function mostAhead(passages: readonly Passage[], bytesPerSecond: number): number {
  const sorted = passages.toSorted((a, b) => a.atMs - b.atMs)
  const beganAtMs = sorted[0]?.atMs ?? 0
  let sum = 0
  let most = 0
  for (const { atMs, bytes } of sorted) {
    sum += bytes
    most = Math.max(most, sum - ((atMs - beganAtMs) * bytesPerSecond) / 1000)
  }
  return most
}
