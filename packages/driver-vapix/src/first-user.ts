import { type CallOptions, type CameraTarget, DriverError } from '@ocelli/driver'
import { connectTo, type DriverSettings } from './connect.ts'
import { toDriverError } from './driver-failure.ts'
import { compareVersions } from './os-version.ts'
import { checkReply, excerptOf, textOf } from './reply-text.ts'

/**
 * Makes the first administrator of a camera as it left the factory, with pwdgrp.cgi as Axis documents it (System settings, "Create
 * the initial admin account"). The call has not been made against a real camera from here. Before AXIS OS 11.5 the name must be `root`.
 * Throws `refused` for a camera that has users, and for a name or password that it does not take.
 */
export async function createFirstUser(
  target: CameraTarget,
  { signal }: CallOptions,
  settings: DriverSettings,
): Promise<void> {
  const { credentials } = target
  if (credentials === null) throw new DriverError('refused', 'The first user needs a name and a password.')
  const { camera } = connectTo({ ...target, credentials: null }, settings)
  try {
    const state = await camera.systemState({ signal })
    if (state === null) {
      const detail =
        'This AXIS OS does not tell whether it has users (before 9.50). Set the first password in its web page.'
      throw new DriverError('unsupported', detail)
    }
    if (!state.needsSetup) throw new DriverError('refused', 'The camera has a user already.')
    const properties = await camera.openProperties({ signal })
    checkFirstUser(credentials, properties?.get('Version') ?? null)
    const reply = await camera.createFirstUser(credentials, { signal })
    const text = textOf(reply)
    if (reply.status === 401 || /\bError\b/i.test(text)) throw notCreated(text, reply.status)
    checkReplyText(text, () => checkReply(reply, 'pwdgrp.cgi'))
    if ((await camera.systemState({ signal }))?.needsSetup) throw notCreated(text, reply.status)
  } catch (error) {
    throw toDriverError(error)
  }
}

/** Axis answers this CGI as text/html, so a page is told apart by what it says: `Created account root.` */
function checkReplyText(text: string, check: () => unknown): void {
  if (!/\bCreated account\b/i.test(text)) check()
}

function checkFirstUser({ user, password }: NonNullable<CameraTarget['credentials']>, osVersion: string | null): void {
  if (user !== 'root' && (osVersion === null || compareVersions(osVersion, '11.5') < 0)) {
    throw new DriverError('refused', 'The first user of this camera must be called root (AXIS OS before 11.5).')
  }
  if (!/^[A-Za-z0-9]{1,14}$/.test(user)) {
    throw new DriverError('refused', 'A user name has 1 to 14 characters, of a-z, A-Z and 0-9.')
  }
  if (!/^[\x20-\x7e]{1,64}$/.test(password)) {
    throw new DriverError('refused', 'A password has 1 to 64 characters, of those on an English keyboard.')
  }
}

function notCreated(text: string, status: number): DriverError {
  const words = excerptOf(text.replace(/<[^>]*>/g, ' ')) || `HTTP ${status}`
  return new DriverError('refused', `The camera did not make the user: ${words}.`, { deviceCode: words })
}
