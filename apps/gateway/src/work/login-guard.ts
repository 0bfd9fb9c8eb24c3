import type { CameraTarget } from '@ocelli/driver'
import type { Clock } from '../state/clock.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { DeviceMemory } from './device-memory.ts'

/** VMS and gateway share the camera's lockout: at most two refused logins in this time, across restarts. */
const refusedLoginWindowMs = 30 * 60_000

type Credentials = CameraTarget['credentials']

/** Keeps a refused password from being tried again. */
export interface LoginGuard {
  /** Milliseconds until these credentials may be tried again; 0 when they may be tried now. */
  closedForMs(credentials: Credentials): number
  /** A driver tries a refused login twice before it throws, so one refusal uses the window up. */
  noteRefusal(credentials: Credentials): Promise<void>
}

export function createLoginGuard(options: {
  memory: DeviceMemory
  stateFolder: Pick<StateFolder, 'seal' | 'unseal'>
  clock: Clock
}): LoginGuard {
  const { memory, stateFolder, clock } = options
  // The wall clock may jump; it only says once, at the start, how much of the window is left.
  const elapsedMs = memory.content.refusedLogin ? Math.max(0, clock.now() - memory.content.refusedLogin.atMs) : 0
  let reopensAtMs = clock.monotonic() + refusedLoginWindowMs - elapsedMs

  const isSame = (credentials: Credentials): boolean => {
    const { refusedLogin } = memory.content
    return refusedLogin !== null && stateFolder.unseal(refusedLogin.sealedCredentials) === textOf(credentials)
  }

  return {
    closedForMs(credentials) {
      const leftMs = reopensAtMs - clock.monotonic()
      return leftMs > 0 && isSame(credentials) ? leftMs : 0
    },
    async noteRefusal(credentials) {
      reopensAtMs = clock.monotonic() + refusedLoginWindowMs
      // Sealed, not hashed: a hash on disk could be guessed from.
      const sealedCredentials = stateFolder.seal(textOf(credentials))
      await memory.write({ refusedLogin: { sealedCredentials, atMs: clock.now() } })
    },
  }
}

const textOf = (credentials: Credentials): string =>
  credentials ? JSON.stringify([credentials.user, credentials.password]) : ''
