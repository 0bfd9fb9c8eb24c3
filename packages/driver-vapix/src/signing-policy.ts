import type { HttpReply } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import { compareVersions } from './os-version.ts'
import { checkReply, excerptOf, textOf } from './reply-text.ts'

/** Reads an answer of config.cgi?action=get&name=AllowUnsigned. Null where the camera does not tell. Throws `bad-reply`. */
export function readAllowUnsigned(reply: HttpReply): boolean | null {
  const text = textOf(checkReply(reply, 'config.cgi'))
  if (!/<reply\b/.test(text)) {
    throw new DriverError('bad-reply', `The camera answered config.cgi with something else: ${excerptOf(text)}.`)
  }
  const element = /<param\b[^>]*\bname="AllowUnsigned"[^>]*>/.exec(text)?.[0] ?? ''
  const value = /\bvalue="(true|false)"/.exec(element)?.[1]
  return value === undefined ? null : value === 'true'
}

/** What holds where there is no config.cgi: before AXIS OS 11.2 there is no switch, and packages without a signature are taken. */
export function allowsUnsignedByVersion(osVersion: string | null): boolean | null {
  return osVersion !== null && compareVersions(osVersion, '11.2') < 0 ? true : null
}
