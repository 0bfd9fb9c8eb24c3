import { networkFault } from '../errors/network-fault.ts'
import { isOcelliError, OcelliError } from '../errors/ocelli-error.ts'
import type { Gate } from './gate.ts'

/** A response that is being read, and what ends the reading. */
export interface OpenResponse {
  response: Response
  gate: Gate
  url: string
  /** ms without a byte */
  idleTimeoutMs: number
}

/** The body's pieces as they come. A fault, a stall and the caller's signal end it with an OcelliError. */
export async function* readChunks({ response, gate, url, idleTimeoutMs }: OpenResponse): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (!reader) return
  let isWhole = false
  try {
    for (;;) {
      gate.restart(idleTimeoutMs)
      const { done, value } = await gate.race(reader.read()).catch((thrown: unknown) => {
        if (gate.signal.aborted) throw gate.signal.reason
        throw isOcelliError(thrown) ? thrown : networkFault(thrown, url)
      })
      if (done) break
      yield value
    }
    isWhole = true
  } finally {
    // the connection is given up when its body is not wanted any more; that it is broken already is no news
    if (!isWhole) reader.cancel().catch(() => undefined)
    gate.restart(null)
  }
}

/** The whole body as text. Throws `answer-too-large` beyond `maxBytes`. */
export async function readText(open: OpenResponse, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of readChunks(open)) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) {
      throw new OcelliError(`The answer is larger than ${maxBytes} bytes. Ask for less at a time.`, {
        ...{ kind: 'bad-answer', code: 'answer-too-large', status: open.response.status },
        requestId: open.response.headers.get('x-request-id'),
      })
    }
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}
