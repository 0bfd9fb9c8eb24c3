import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { describeError } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { HttpClient, HttpRequest, HttpResponse } from './http-client.ts'

const maxBytes = 16 * 1024 * 1024

/** The answer of the platform to one request, its status not judged yet. */
export interface JsonAnswer {
  status: number
  /** The server's clock, milliseconds since 1970; null when it did not tell. */
  serverTimeMs: number | null
  body: unknown
}

export async function callJson(http: HttpClient, request: HttpRequest): Promise<JsonAnswer> {
  const response = await http({ ...request, headers: { accept: 'application/json', ...request.headers } })
  const text = await readText(response, request)
  const serverTimeMs = Date.parse(response.headers.date ?? '')
  return {
    status: response.status,
    serverTimeMs: Number.isNaN(serverTimeMs) ? null : serverTimeMs,
    body: parse(text),
  }
}

/** The body of a 2xx answer, checked; anything else is thrown as the sentence that the platform gave. */
export function expectBody<Schema extends TSchema>(answer: JsonAnswer, schema: Schema, what: string): Static<Schema> {
  if (answer.status < 200 || answer.status > 299) throw refusal(answer, what)
  if (Value.Check(schema, answer.body)) return answer.body
  throw new GatewayError('bad-reply', `The platform's answer to "${what}" is not what this gateway understands.`)
}

/** 408, 429 and 5xx pass by themselves; the rest has to be put right by somebody. */
function refusal({ status, body }: JsonAnswer, what: string): GatewayError {
  const isPassing = status === 408 || status === 429 || status >= 500
  const said = sentenceOf(body)
  const detail = `The platform refused to ${what} (${status})${said === null ? '.' : `: ${said}`}`
  return new GatewayError(isPassing ? 'platform-unreachable' : 'platform-refused', detail)
}

/** RFC 9457 `detail`, RFC 6749 `error_description`. */
function sentenceOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null
  const { detail, error_description, title, error } = body as Record<string, unknown>
  const said = [detail, error_description, title, error].find((text) => typeof text === 'string' && text !== '')
  return typeof said === 'string' ? said.slice(0, 500) : null
}

async function readText({ body }: HttpResponse, { url, signal }: HttpRequest): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new GatewayError('bad-reply', `${url.origin} sent more than ${maxBytes} bytes.`)
      chunks.push(chunk)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof GatewayError) throw error
    throw new GatewayError('platform-unreachable', `${url.origin} broke off: ${describeError(error)}.`, {
      cause: error,
    })
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** A body that is not JSON is no body: a proxy's HTML page is told by its status. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
