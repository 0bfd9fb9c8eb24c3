import { UpMessage } from '@ocelli/contract'
import type { Logger } from 'pino'
import { Compile } from 'typebox/compile'
import { maxPayloadBytes } from '../../platform/broker/broker.ts'
import { isStorable } from '../../platform/http/storable-text.ts'

const warnEveryMs = 60_000

/** Parses and checks what a gateway sends. What is not right is told, at most once a minute, and dropped: null. */
export function createUpReader(
  log: Logger,
  nowMs: () => number,
): (gatewayId: string, payload: Uint8Array) => UpMessage | null {
  const validator = Compile(UpMessage)
  let nextWarningAtMs = 0
  let untold = 0

  function refuse(gatewayId: string, reason: string, bytes: number): null {
    untold += 1
    if (nowMs() >= nextWarningAtMs) {
      nextWarningAtMs = nowMs() + warnEveryMs
      log.warn({ gatewayId, reason, bytes, dropped: untold }, 'messages of gateways were dropped')
      untold = 0
    }
    return null
  }

  return (gatewayId, payload) => {
    if (payload.length > maxPayloadBytes) return refuse(gatewayId, 'too long', payload.length)
    let message: unknown
    try {
      message = parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'))
    } catch {
      return refuse(gatewayId, 'not JSON', payload.length)
    }
    return validator.Check(message) ? message : refuse(gatewayId, 'not of the agreed form', payload.length)
  }
}

const unstorable = /\\u(?:0000|d[89a-f])/i

/**
 * PostgreSQL holds neither NUL nor, inside a JSON document, half of a surrogate pair: a camera that says one must not keep its
 * reports from being applied.
 */
function parse(text: string): unknown {
  if (!unstorable.test(text)) return JSON.parse(text)
  return JSON.parse(text, (name, value: unknown) => {
    if (!isStorable(name)) return undefined
    return typeof value === 'string' ? value.replaceAll('\u0000', '').toWellFormed() : value
  })
}
