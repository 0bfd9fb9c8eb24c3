import type { HttpReply } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import { checkReply, excerptOf, textOf } from './reply-text.ts'

/** What a CGI for apps answers to an order: it worked, or the number of an error. The HTTP status is 200 for both. */
export type CgiOutcome = { kind: 'ok' } | { kind: 'error'; code: number; words: string }

/**
 * Reads the answer of upload.cgi, control.cgi and license.cgi. `OK` may be followed by words. Throws `bad-reply` for anything that
 * is neither of the two.
 */
export function readOutcome(reply: HttpReply, cgi: string): CgiOutcome {
  const text = textOf(checkReply(reply, cgi)).trim()
  if (reply.status < 300 && /^OK\b/.test(text)) return { kind: 'ok' }
  const code = /^Error:\s*(\d{1,6})\b/.exec(text)?.[1]
  if (code !== undefined) return { kind: 'error', code: Number(code), words: excerptOf(text) }
  // Camera internals answer in XML where they fail before the CGI has an answer of its own. The pattern ends at the next `<`:
  // looked for to the end from each `<error`, 2 MB of them would hold up all cameras of the gateway for half an hour.
  const fault = /<error\b[^<>]*\btype="(\d{1,6})"/.exec(text)?.[1]
  if (fault !== undefined) return { kind: 'error', code: Number(fault), words: excerptOf(text) }
  throw new DriverError(
    'bad-reply',
    `The camera answered ${cgi} with something else: ${excerptOf(text) || 'nothing'}.`,
    {
      deviceCode: `HTTP ${reply.status}`,
    },
  )
}
