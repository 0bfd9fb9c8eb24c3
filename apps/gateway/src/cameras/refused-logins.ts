import { type CameraTarget, DriverError } from '@ocelli/driver'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Clock } from '../state/clock.ts'
import { fileNameOf } from '../state/file-name.ts'
import type { StateFolder } from '../state/state-folder.ts'

const Refusal = Type.Object({ sealedCredentials: Type.String(), atMs: Type.Number() })

/** VMS, gateway and people share the camera's lockout; a driver uses up both tries of this window by itself. */
const windowMs = 30 * 60_000

type Credentials = NonNullable<CameraTarget['credentials']>

/** Keeps `camera add` from trying a refused password again; by host, since before a login a camera has no id. */
export interface RefusedLogins {
  /** Throws `credentials-refused` while the same credentials are not to be tried again. */
  check(address: string, credentials: Credentials): Promise<void>
  note(address: string, credentials: Credentials): Promise<void>
  forget(address: string): Promise<void>
}

export function createRefusedLogins({ folder, clock }: { folder: StateFolder; clock: Clock }): RefusedLogins {
  const nameOf = (address: string) => `refused-logins/${fileNameOf(new URL(address).hostname)}.json`
  return {
    async check(address, credentials) {
      const stored = await folder.readJson(nameOf(address))
      if (!Value.Check(Refusal, stored)) return
      const agoMs = clock.now() - stored.atMs
      // A clock that was set back must not keep a camera closed for ever.
      if (agoMs < 0 || agoMs >= windowMs || folder.unseal(stored.sealedCredentials) !== textOf(credentials)) return
      const minutes = Math.ceil((windowMs - agoMs) / 60_000)
      throw new DriverError(
        'credentials-refused',
        `The camera refused this user name and password a short time ago. They were not tried again, so that the camera does not lock itself: use others, or wait ${minutes} minutes.`,
      )
    },
    async note(address, credentials) {
      // Sealed, not hashed: a hash on the disk could be guessed from.
      const sealedCredentials = folder.seal(textOf(credentials))
      await folder.writeJson(nameOf(address), { sealedCredentials, atMs: clock.now() })
    },
    forget: (address) => folder.remove(nameOf(address)),
  }
}

const textOf = ({ user, password }: Credentials) => JSON.stringify([user, password])
