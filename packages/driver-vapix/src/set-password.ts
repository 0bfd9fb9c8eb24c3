import type { HttpReply } from '@ocelli/camera-http'
import { type CallOptions, type CameraTarget, DriverError, type PasswordChange } from '@ocelli/driver'
import { readIdentity } from './describe-camera.ts'
import { checkReply, excerptOf, textOf, withoutSecret } from './reply-text.ts'
import type { VapixCamera } from './vapix-camera.ts'

type Login = NonNullable<CameraTarget['credentials']>

/**
 * pwdgrp.cgi `action=update` (Axis, System settings, "Add, modify and delete user accounts"): changes what is named and leaves the
 * groups. The call has not been made against a real camera from here. It changes a user of the camera; those of ONVIF, which Axis
 * keeps in a list of their own, stay as they are even when they have the same name.
 */
export async function setPassword(
  { password, beforeSending }: PasswordChange,
  { camera, login, signal }: CallOptions & { camera: VapixCamera; login: Login | null },
): Promise<void> {
  if (login === null) throw new DriverError('credentials-refused', 'A password is set by the user whose it is.')
  checkPassword(password)
  // The login is proved by a request that changes nothing: a refused one must not leave a doubt.
  await readIdentity(camera, { signal })
  await beforeSending()
  checkAnswer(await camera.updatePassword({ user: login.user, password }, { signal }), password)
}

/** Axis calls this its password standard (`strict_pwd`), and holds to it in its own web page. */
function checkPassword(password: string): void {
  if (/^[\x20-\x7e]{1,64}$/.test(password)) return
  const detail = 'A password has 1 to 64 characters, of those on an English keyboard.'
  throw new DriverError('password-refused', detail)
}

/** `Modified account root.`, in text/html; errors come with status 200 as well, and do not say why. */
function checkAnswer(reply: HttpReply, password: string): void {
  const text = withoutSecret(textOf(reply), password)
  if (/\bModified (the )?account\b/i.test(text)) return
  if (/\bError\b/i.test(text) && reply.status !== 401 && reply.status < 500) {
    const words = excerptOf(text.replace(/<[^>]*>/g, ' '))
    const detail = `The camera does not take the new password: ${words} Its rules may ask for a longer or a mixed one.`
    throw new DriverError('password-refused', detail, { deviceCode: words })
  }
  checkReply(reply, 'pwdgrp.cgi')
  throw new DriverError('bad-reply', `The camera answered pwdgrp.cgi with: ${excerptOf(text)}`)
}
