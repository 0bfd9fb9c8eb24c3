import { Agent, request } from 'node:http'

export interface Call {
  method?: string
  url: string
  headers?: Record<string, string>
  body?: string
}

export interface Answer {
  status: number
  bytes: number
  /** Kept only where asked for. */
  text: string
}

export interface Round {
  perSecond: number
  /** From sending a request until its whole answer was read, one of each request. */
  latenciesMs: number[]
  seconds: number
}

export type Caller = ReturnType<typeof createCaller>

/** Sends requests over kept connections. The answer's text is read, and dropped unless `keepText`. */
export function createCaller(maxSockets: number) {
  const agent = new Agent({ keepAlive: true, maxSockets })
  return {
    call(options: Call, { keepText = false } = {}): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const { method = 'GET', url, headers = {}, body } = options
        const sized = body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) }
        const sent = request(url, { agent, method, headers: sized }, (answer) => {
          const chunks: Buffer[] = []
          let bytes = 0
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.length
            if (keepText || answer.statusCode !== 200) chunks.push(chunk)
          })
          answer.on('error', reject)
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, bytes, text: Buffer.concat(chunks).toString() }),
          )
        })
        sent.on('error', reject)
        sent.end(body)
      })
    },
    close: () => agent.destroy(),
  }
}

/** Works off all calls, so many at a time; whoever is answered sends the next. Throws on an answer not expected. */
export async function runRound(
  caller: Caller,
  calls: Call[],
  { concurrency, expect = [200] }: { concurrency: number; expect?: number[] },
): Promise<Round> {
  const latenciesMs: number[] = []
  const left = calls[Symbol.iterator]()
  const startedAtMs = performance.now()
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const call of left) {
        const sentAtMs = performance.now()
        const { status, text } = await caller.call(call)
        if (!expect.includes(status)) throw new Error(`${call.method ?? 'GET'} ${call.url} answered ${status}: ${text}`)
        latenciesMs.push(performance.now() - sentAtMs)
      }
    }),
  )
  const seconds = (performance.now() - startedAtMs) / 1000
  return { perSecond: calls.length / seconds, latenciesMs, seconds }
}
