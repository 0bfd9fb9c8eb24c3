import type { HttpReply } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import { checkReply, excerptOf, textOf, withoutSecret } from './reply-text.ts'

/** Parameters by their full name without `root.`: `Properties.System.SerialNumber`. */
export type Parameters = ReadonlyMap<string, string>

/**
 * Reads an answer of param.cgi?action=list. Groups that the camera does not have leave a line that begins with `# Error`, among the
 * lines of the others. Throws `bad-reply` where there is not one line of either kind.
 */
export function readParameters(reply: HttpReply): Parameters {
  const text = textOf(checkReply(reply, 'param.cgi'))
  const parameters = new Map<string, string>()
  let isUnderstood = false
  for (const line of text.split(/\r?\n/)) {
    // A value may hold `=` itself.
    const [, name, value] = /^(?:root\.)?([A-Za-z0-9_.-]+)=(.*)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) parameters.set(name, value.trim())
    isUnderstood ||= name !== undefined || line.startsWith('# Error')
  }
  if (!isUnderstood && text.trim() !== '') {
    throw new DriverError('bad-reply', `The camera answered param.cgi with something else: ${excerptOf(text)}.`)
  }
  return parameters
}

/** The answer to param.cgi?action=update, which repeats the value where it was not set; the value may be a license. */
export function checkUpdate(reply: HttpReply, value: string): void {
  const text = textOf(checkReply(reply, 'param.cgi')).trim()
  if (/^OK\b/.test(text)) return
  const words = excerptOf(withoutSecret(text, value)) || 'nothing'
  throw new DriverError('refused', `The camera did not set the parameter: ${words}.`, { deviceCode: words })
}

/** Where a parameter of an app lies: `object_dwell_timer` has its parameters below `Object_dwell_timer`. */
export function appParameterName(appId: string, name: string): string {
  return `${appId.slice(0, 1).toUpperCase()}${appId.slice(1)}.${name}`
}
