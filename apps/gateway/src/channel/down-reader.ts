import { DownMessage } from '@ocelli/contract'
import { Compile } from 'typebox/compile'
import type { Log } from '../state/log.ts'

/** Parses and checks what the platform sends. What is not right is told and dropped: null. */
export function createDownReader(log: Log): (text: string) => DownMessage | null {
  const validator = Compile(DownMessage)
  const kinds = new Set<unknown>(DownMessage.anyOf.map((schema) => schema.properties.kind.const))
  return (text) => {
    let message: unknown
    try {
      message = JSON.parse(text)
    } catch {
      // The parser's words would quote the message, which may hold a license.
      log.warn({ bytes: text.length }, 'A message is not JSON; dropped')
      return null
    }
    if (validator.Check(message)) return message
    const kind = typeof message === 'object' && message !== null && 'kind' in message ? message.kind : null
    // A newer platform may say what this gateway does not know yet; what it knows must be right.
    if (!kinds.has(kind)) log.info({ bytes: text.length }, 'A message of an unknown kind was dropped')
    else log.warn({ kind, bytes: text.length }, 'A message does not have the form that was agreed on; dropped')
    return null
  }
}
