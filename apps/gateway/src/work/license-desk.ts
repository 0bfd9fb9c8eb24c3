import type { LicenseAnswer, LicensePlacement, UpMessage } from '@ocelli/contract'
import type { Static } from 'typebox'
import type { Clock } from '../state/clock.ts'
import { InterruptedError, WorkError } from './work-error.ts'

const askEveryMs = 5_000

interface LicenseRequest {
  deviceId: string
  assignment: number
  appId: string
  licenseId: string
}

/** `placement` is null where the camera itself keeps licenses. */
export interface IssuedLicense {
  license: string
  placement: LicensePlacement | null
}

/** Gets license files from the platform. Asked at the license step only, because asking issues the license. */
export interface LicenseDesk {
  /**
   * The license file's text, and where the app expects it. Asks again every 5 s until the signal aborts, since question and answer may be lost.
   * Throws WorkError `license-not-issued` when the platform refuses, InterruptedError when the session is lost.
   */
  ask(request: LicenseRequest, signal: AbortSignal): Promise<IssuedLicense>
  answered(answer: Static<typeof LicenseAnswer>): void
}

export function createLicenseDesk(options: {
  clock: Clock
  send: (message: UpMessage) => Promise<boolean>
  session: () => number | null
}): LicenseDesk {
  const { clock, send, session } = options
  const open = new Map<string, (answer: Static<typeof LicenseAnswer>) => void>()
  const keyOf = ({ deviceId, appId, licenseId }: Omit<LicenseRequest, 'assignment'>) =>
    JSON.stringify([deviceId, appId, licenseId])

  async function repeat(request: LicenseRequest, signal: AbortSignal): Promise<never> {
    for (;;) {
      const present = session()
      if (present === null)
        throw new InterruptedError('session-lost', 'The platform went away before it sent a license.')
      await send({ kind: 'license-ask', session: present, ...request })
      await clock.sleep(askEveryMs, signal)
    }
  }

  return {
    async ask(request, signal) {
      const isDone = new AbortController()
      const answer = Promise.withResolvers<Static<typeof LicenseAnswer>>()
      open.set(keyOf(request), answer.resolve)
      try {
        const {
          license,
          refused,
          placement = null,
        } = await Promise.race([answer.promise, repeat(request, AbortSignal.any([signal, isDone.signal]))])
        if (license !== null) return { license, placement }
        const detail = refused ?? 'The platform has no license for this app on this camera.'
        throw new WorkError({ category: 'license', code: 'license-not-issued', detail, retryable: false })
      } finally {
        isDone.abort()
        open.delete(keyOf(request))
      }
    },
    answered: (answer) => open.get(keyOf(answer))?.(answer),
  }
}
