import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FaultSet } from '../faults.ts'
import { type SimTime, waitMs } from '../time.ts'

/** One request and the way to answer it, with the faults that concern every reply. */
export interface Exchange {
  request: IncomingMessage
  /** Request target as it stood in the request line. */
  target: string
  path: string
  method: string
  /** Aborted when the client is gone or the camera goes down. */
  signal: AbortSignal
  /** The client holds the body back until `acceptBody`. */
  isWaiting: boolean
  acceptBody(): void
  reply(answer: Answer): Promise<void>
  /** Cuts the connection. */
  cut(): void
}

export interface Answer {
  status: number
  type?: string
  body?: string
  headers?: Readonly<Record<string, string | readonly string[]>>
}

export interface ExchangeOptions {
  faults: FaultSet
  time: SimTime
  /** Aborted when the camera goes down. */
  power: AbortSignal
  isWaiting: boolean
}

export function createExchange(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions): Exchange {
  const { faults, time, power, isWaiting } = options
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('The client is gone.')))
  const signal = AbortSignal.any([gone.signal, power])
  const target = request.url ?? '/'
  // a request whose client has gone no longer knows its socket
  const { socket } = request

  return {
    request,
    target,
    path: target.split('?')[0] ?? '/',
    method: request.method ?? 'GET',
    signal,
    isWaiting,
    acceptBody() {
      if (isWaiting) response.writeContinue()
    },
    async reply({ status, type = 'text/plain; charset=utf-8', body = '', headers = {} }) {
      const slowMs = faults.get('slowMs')
      if (slowMs !== undefined) await waitMs(slowMs, { time, signal })
      if (signal.aborted) return
      for (const [name, value] of Object.entries(headers)) {
        response.setHeader(name, typeof value === 'string' ? value : [...value])
      }
      if (body !== '') response.setHeader('Content-Type', type)
      if (faults.get('noKeepAlive')) response.setHeader('Connection', 'close')
      response.setHeader('Content-Length', Buffer.byteLength(body))
      response.writeHead(status).end(body)
    },
    cut: () => socket.destroy(),
  }
}
