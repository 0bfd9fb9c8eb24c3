import type { HttpReply } from '@ocelli/camera-http'

/** An answer of a camera as the parsers get it. */
export function replyOf(body: string, { status = 200, headers = [] as string[] } = {}): HttpReply {
  return { status, rawHeaders: headers, body: Buffer.from(body) }
}

export const webPage = replyOf('<!DOCTYPE html><html><body>Bad gateway</body></html>')
