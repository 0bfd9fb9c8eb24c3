import { type HttpReply, rawHeaderValues } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'

/** The body of an answer as text. Axis cameras write UTF-8, and names of old apps in whatever their maker used. */
export function textOf({ body }: HttpReply): string {
  return body.toString('utf8').replace(/^\uFEFF/, '')
}

/**
 * Throws for an answer that says what it has to say in its HTTP status, and for a web page where the answer of a CGI should be, as
 * proxies send it with status 200. Statuses of 400 with a CGI's own words in them pass: config.cgi answers so since AXIS OS 12.2.
 */
export function checkReply(reply: HttpReply, cgi: string): HttpReply {
  const { status } = reply
  const deviceCode = `HTTP ${status}`
  if (status >= 300 && status < 400) {
    const location = rawHeaderValues(reply.rawHeaders, 'location')[0] ?? 'another address'
    throw new DriverError('bad-reply', `The camera wants to be asked at ${location}; use that address.`, { deviceCode })
  }
  if (status === 401) throw new DriverError('credentials-refused', `The camera asks for a login for ${cgi}.`)
  if (status === 403) {
    const detail = `The camera does not allow this user to use ${cgi}: an administrator account is needed.`
    throw new DriverError('refused', detail, { deviceCode })
  }
  if (status === 404 || status === 405 || status === 501) {
    const detail = `The camera has no ${cgi}: its AXIS OS is too old, or it is no camera that runs apps.`
    throw new DriverError('unsupported', detail, { deviceCode })
  }
  if (status === 429 || (status >= 502 && status <= 504)) {
    throw new DriverError('busy', `The camera is busy (HTTP ${status}).`, { deviceCode })
  }
  if (isWebPage(reply)) throw webPage(cgi, deviceCode)
  if (status >= 500) {
    throw new DriverError('bad-reply', `The camera failed to answer ${cgi} (HTTP ${status}).`, { deviceCode })
  }
  return reply
}

function isWebPage(reply: HttpReply): boolean {
  return /<html|<!doctype html/i.test(reply.body.subarray(0, 512).toString('latin1'))
}

function webPage(cgi: string, deviceCode: string): DriverError {
  const detail =
    `A web page was answered where ${cgi} should be: the address is that of another device, ` +
    'something between us and the camera answers in its place, or the camera is still starting.'
  return new DriverError('bad-reply', detail, { deviceCode })
}

/** An answer without the password or license that it repeats, for whoever cuts it: of a part nobody could tell what it was. */
export function withoutSecret(text: string, secret: string): string {
  const plain = secret.trim()
  return plain === '' ? text : text.replaceAll(plain, '***')
}

/** The beginning of an answer for a person, in one line. */
export function excerptOf(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}
