import type { Service } from './device-service.ts'
import { NAMESPACE } from './namespaces.ts'
import { type CallOptions, callService, type ServiceContext } from './service-call.ts'
import { attribute, child, childrenNamed, childText, descend, escapeXml } from './xml-element.ts'

/** A user of the camera's ONVIF; `level` and `roles` as the camera writes them. */
export type CameraUser = { name: string; level: string; roles: string | null }

/** What the device service says of its users in its capabilities; nulls where it says nothing. */
export type UserCapabilities = {
  /** Users can be neither made nor changed over ONVIF. */
  areFixed: boolean
  maxPasswordLength: number | null
  /** GetPasswordComplexityConfiguration is there. */
  tellsComplexity: boolean
}

/** The least that the camera asks of a password. */
export type PasswordComplexity = {
  minLength: number
  uppercase: number
  digits: number
  /** Characters that are neither letters nor digits. */
  special: number
  blocksUserName: boolean
}

/** Needs a login, but for a camera as it leaves the factory: that one lets everybody read, and has no users. */
export async function getUsers(context: ServiceContext, options: CallOptions): Promise<CameraUser[]> {
  const response = await callService(context, { name: 'GetUsers', isIdempotent: true, ...options })
  return childrenNamed(response, 'User').map((user) => ({
    name: childText(user, 'Username') ?? '',
    level: childText(user, 'UserLevel') ?? '',
    roles: childText(child(user, 'Extension'), 'Roles') || null,
  }))
}

/**
 * Sets a user's password; the level has to be said again, and is what the caller gives. Sent once: whether the camera has taken it is
 * unknown after `unreachable`, `timeout` and `bad-reply`.
 */
export async function setUser(
  context: ServiceContext,
  { name, level, roles, password }: CameraUser & { password: string },
  options: CallOptions,
): Promise<void> {
  const part = (tag: string, text: string) => `<tt:${tag}>${escapeXml(text)}</tt:${tag}>`
  const extension = roles === null ? '' : `<tt:Extension>${part('Roles', roles)}</tt:Extension>`
  await callService(context, {
    name: 'SetUser',
    children:
      `<tds:User xmlns:tt="${NAMESPACE.schema}">${part('Username', name)}${part('Password', password)}` +
      `${part('UserLevel', level)}${extension}</tds:User>`,
    isIdempotent: false,
    ...options,
  })
}

/** What the device service announces about users. */
export function userCapabilitiesOf(services: readonly Service[]): UserCapabilities {
  const capabilities = services.find(({ namespace }) => namespace === NAMESPACE.device)?.capabilities ?? undefined
  const security = descend(capabilities, 'Security')
  const policies = attribute(security, 'SecurityPolicies')?.split(/\s+/) ?? []
  return {
    areFixed: isTrue(attribute(descend(capabilities, 'System'), 'UserConfigNotSupported')),
    maxPasswordLength: countOf(attribute(security, 'MaxPasswordLength')) || null,
    tellsComplexity: policies.includes('PasswordComplexity'),
  }
}

/** ONVIF Core, Security Policies; rules that the camera leaves out ask for nothing. */
export async function getPasswordComplexity(
  context: ServiceContext,
  options: CallOptions,
): Promise<PasswordComplexity> {
  const response = await callService(context, {
    name: 'GetPasswordComplexityConfiguration',
    isIdempotent: true,
    ...options,
  })
  const count = (name: string) => countOf(childText(response, name))
  return {
    minLength: count('MinLen'),
    uppercase: count('Uppercase'),
    digits: count('Number'),
    special: count('SpecialChars'),
    blocksUserName: isTrue(childText(response, 'BlockUsernameOccurrence')),
  }
}

const isTrue = (text: string | undefined): boolean => text === 'true' || text === '1'

function countOf(text: string | undefined): number {
  const count = Number(text)
  return Number.isSafeInteger(count) && count > 0 ? count : 0
}
