import { type Clock, pause } from '../state/clock.ts'
import { describeError } from '../state/error-code.ts'
import type { Log } from '../state/log.ts'
import { createCertificateRequest } from './certificate-request.ts'
import { checkCertificate, type GatewayIdentity, keyOf, readCertificate } from './gateway-identity.ts'
import type { PlatformApi } from './platform-api.ts'

/** Costs nothing while no renewal is due. Timers stand still while a machine sleeps: it may wake long past the end. */
const checkEveryMs = 10 * 60_000
/** The gateways of one roll-out were enrolled in one hour and would all come at once. */
const spreadMs = 6 * 60 * 60_000

export interface RenewalOptions {
  api: PlatformApi
  identity: () => GatewayIdentity
  /** Keeps it durably and uses it from the next connection on. */
  replace: (identity: GatewayIdentity) => Promise<void>
  clock: Clock
  random: () => number
  log: Log
  signal: AbortSignal
}

/** Renews at two thirds of the certificate's life; also one that has expired, which the platform takes for 90 days. */
export async function keepCertificateFresh(options: RenewalOptions): Promise<void> {
  const { api, identity, clock, random, log, signal } = options
  const ownSpreadMs = random() * spreadMs
  while (!signal.aborted) {
    if (isRenewalDue(identity().certificate, clock.now() + api.clockOffsetMs() - ownSpreadMs)) {
      try {
        await renewCertificate(options)
        log.info({ until: readCertificate(identity().certificate).validTo }, 'The certificate was renewed')
      } catch (error) {
        if (signal.aborted) return
        log.warn({ error: describeError(error) }, 'The certificate could not be renewed; it is tried again')
      }
    }
    // jitter: a platform that comes back after hours would be asked by all in one moment
    await pause(clock, checkEveryMs * (0.75 + random() / 2), signal)
  }
}

export function isRenewalDue(certificate: string, nowMs: number): boolean {
  const { validFromDate, validToDate } = readCertificate(certificate)
  const lifeMs = validToDate.getTime() - validFromDate.getTime()
  return nowMs >= validFromDate.getTime() + (lifeMs * 2) / 3
}

/** The key stays: were it changed, a crash between the platform's answer and our disk would lock this gateway out. */
async function renewCertificate(
  options: Pick<RenewalOptions, 'api' | 'identity' | 'replace' | 'signal'>,
): Promise<void> {
  const { api, identity, replace, signal } = options
  const before = identity()
  const renewal = await api.renewCertificate(createCertificateRequest(keyOf(before)), signal)
  // Whatever the answer says, the CA of the enrollment stays the one that is trusted.
  const renewed = { ...before, ...renewal, caCertificate: before.caCertificate }
  checkCertificate(renewed)
  await replace(renewed)
}
