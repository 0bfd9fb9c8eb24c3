import type { HttpReply } from '@ocelli/camera-http'
import { MAX_APP_LOG } from '@ocelli/driver'
import { checkReply, textOf } from './reply-text.ts'

/** The end of an app's log in an answer of systemlog.cgi, without its header line; null when the app has written nothing. */
export function readAppLog(reply: HttpReply): string | null {
  const text = textOf(checkReply(reply, 'systemlog.cgi'))
  const lines = text.replace(/^-{3,} Contents of SYSTEM_LOG.*$/m, '').trim()
  if (lines.length <= MAX_APP_LOG) return lines || null
  const end = lines.slice(-MAX_APP_LOG)
  return end.slice(end.indexOf('\n') + 1)
}
