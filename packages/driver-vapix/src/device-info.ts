import type { HttpReply } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import { checkReply, excerptOf, textOf } from './reply-text.ts'

/** What basicdeviceinfo.cgi tells, by property name. Old cameras and answers without a login leave some out. */
export type DeviceProperties = ReadonlyMap<string, string>

/** Reads an answer of basicdeviceinfo.cgi, with or without a login. Throws `bad-reply`, `refused`. */
export function readDeviceProperties(reply: HttpReply): DeviceProperties {
  const list = member(readJsonData(reply, 'basicdeviceinfo.cgi'), 'propertyList')
  if (!isRecord(list)) throw new DriverError('bad-reply', 'The camera described itself without any property.')
  const texts = Object.entries(list).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return new Map(texts.map(([name, value]) => [name, value.trim()]))
}

/** What systemready.cgi tells. `bootId` changes with every start; null where AXIS OS does not tell it (before 11). */
export type SystemState = { isReady: boolean; needsSetup: boolean; bootId: string | null }

export function readSystemState(reply: HttpReply): SystemState {
  const data = readJsonData(reply, 'systemready.cgi')
  const ready = member(data, 'systemready')
  if (ready !== 'yes' && ready !== 'no')
    throw new DriverError('bad-reply', 'The camera does not say whether it is ready.')
  const bootId = member(data, 'bootid')
  return {
    isReady: ready === 'yes',
    needsSetup: member(data, 'needsetup') === 'yes',
    bootId: typeof bootId === 'string' && bootId !== '' ? bootId : null,
  }
}

/** The `data` of an answer of one of Axis' JSON CGIs. Their errors come with status 200: 2001 is missing access. */
function readJsonData(reply: HttpReply, cgi: string): unknown {
  const text = textOf(checkReply(reply, cgi))
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new DriverError(
      'bad-reply',
      `The camera answered ${cgi} with something else: ${excerptOf(text) || 'nothing'}.`,
      { cause },
    )
  }
  const error = member(parsed, 'error')
  if (error !== undefined) throw jsonError(error, cgi)
  return member(parsed, 'data')
}

function jsonError(error: unknown, cgi: string): DriverError {
  const code = member(error, 'code')
  const message = member(error, 'message')
  const words = typeof message === 'string' ? excerptOf(message) : 'no reason given'
  const deviceCode = `${typeof code === 'number' ? code : '?'}: ${words}`
  if (code === 2001) {
    return new DriverError(
      'refused',
      `The camera does not allow this user to ask ${cgi}: an administrator account is needed.`,
      { deviceCode },
    )
  }
  // 2002: HTTP method, 2003 and 2004: version or method not supported.
  if (typeof code === 'number' && code >= 2002 && code <= 2004) {
    return new DriverError('unsupported', `This AXIS OS does not know what ${cgi} was asked (${words}).`, {
      deviceCode,
    })
  }
  return new DriverError(code === 8000 ? 'busy' : 'refused', `The camera failed to answer ${cgi}: ${words}.`, {
    deviceCode,
  })
}

const member = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
