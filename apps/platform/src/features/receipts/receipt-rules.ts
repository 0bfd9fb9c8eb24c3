import type { LicenseState, Permission, ReceiptOutcome } from '@ocelli/contract'
import type { ReceiptEntry } from '@ocelli/license'

/** A license that an entry names, as it is under a lock. */
export interface ReceiptLicense {
  licenseId: string
  appId: string
  deviceId: string
  orderId: string | null
  state: LicenseState
  /** Milliseconds since 1970, when it is RELEASED: by the latest removal that was reported, else by our own clock. */
  releasedAtMs: number | null
  /** A gateway holds this app on this device by our wish. */
  isManaged: boolean
  projectIds: string[] | null
}

export interface ReceiptSurroundings {
  /** By licenseId: those of the account that the caller sees. */
  licenses: ReadonlyMap<string, ReceiptLicense>
  /** Null: the receipt names no bundle. */
  bundle: { licenseIds: ReadonlySet<string>; expiresAtMs: number } | null
  countedNonces: ReadonlySet<string>
  permissions: ReadonlySet<Permission>
}

/** An entry with the time that it counts as done, which is never after it was reported. */
export interface DatedEntry extends ReceiptEntry {
  /** Seconds since 1970, with a fraction where it is not the laptop's own. */
  at: number
  /** What the laptop's clock said. */
  statedAt: number
}

export interface DecidedEntry {
  entry: DatedEntry
  outcome: ReceiptOutcome['outcome']
  code: ReceiptOutcome['code']
  detail: string | null
  /** It is written down, so that it counts once. */
  isRecorded: boolean
  /** The unit returns. */
  releases: boolean
}

/** Keeps the order of entries that all count as done now. */
const stepSeconds = 1e-6

/**
 * Holds the dates of a receipt, which are those of whoever signed it, against our own clock. A date that lies ahead would stand for the
 * last word on its license for ever.
 *
 * | by the laptop's clock | counts as done |
 * | --- | --- |
 * | up to now | then |
 * | later than now | now: what is told was done before it was told |
 * | several later than now | now, in their order |
 */
export function dateEntries(entries: readonly ReceiptEntry[], nowSeconds: number): DatedEntry[] {
  const ahead = entries.filter(({ at }) => at > nowSeconds).toSorted((a, b) => a.at - b.at)
  const places = new Map(ahead.map((entry, place) => [entry, place]))
  return entries.map((entry) => {
    const place = places.get(entry)
    const at = place === undefined ? entry.at : nowSeconds - (ahead.length - 1 - place) * stepSeconds
    return { ...entry, at, statedAt: entry.at }
  })
}

/**
 * What each entry of a receipt comes to, oldest first. Pure; the given licenses stay as they are.
 *
 * | license is | INSTALLED | REMOVED | FAILED |
 * | --- | --- | --- | --- |
 * | another account's, another device's or app's, not of the named bundle | refused | refused | refused |
 * | RESERVED | refused | refused | refused |
 * | VALID | recorded | RELEASED; refused while a gateway holds the app there | recorded |
 * | EXPIRED | recorded | recorded, no unit moves | recorded |
 * | RELEASED | recorded; installed after its release: `license-conflict` | recorded, no unit moves | recorded |
 */
export function decideReceipt(entries: readonly DatedEntry[], around: ReceiptSurroundings): DecidedEntry[] {
  const counted = new Set(around.countedNonces)
  const released = new Map<string, number>()
  const decided = new Map<DatedEntry, DecidedEntry>()
  for (const entry of entries.toSorted((a, b) => a.at - b.at)) {
    const known = around.licenses.get(entry.licenseId)
    const releasedAtMs = released.get(entry.licenseId)
    const license = known && releasedAtMs !== undefined ? { ...known, state: 'RELEASED' as const, releasedAtMs } : known
    const result = decideEntry(entry, { ...around, license, countedNonces: counted })
    const detail = entry.at < entry.statedAt ? clockAhead : null
    decided.set(entry, { entry, code: null, detail, isRecorded: false, releases: false, ...result })
    if (result.isRecorded) counted.add(entry.nonce)
    if (result.releases) released.set(entry.licenseId, entry.at * 1000)
  }
  return entries.flatMap((entry) => decided.get(entry) ?? [])
}

const clockAhead =
  'The clock that dated this runs ahead, so it counts as done when it was reported. Set the clock of the laptop.'

type Decision = Pick<DecidedEntry, 'outcome'> & Partial<DecidedEntry>

const refused = (code: NonNullable<ReceiptOutcome['code']>, detail: string): Decision => ({
  ...{ outcome: 'REFUSED', code, detail },
})

function decideEntry(
  entry: DatedEntry,
  { license, bundle, countedNonces, permissions }: ReceiptSurroundings & { license: ReceiptLicense | undefined },
): Decision {
  const { deviceId, appId, result, nonce } = entry
  if (!license || license.deviceId !== deviceId || license.appId !== appId) {
    return refused('not-found', 'Your account has no such license for this app on this device.')
  }
  if (bundle && !bundle.licenseIds.has(license.licenseId)) {
    return refused('other-bundle', 'The bundle that the receipt names does not hold this license.')
  }
  if (countedNonces.has(nonce)) return { outcome: 'ALREADY_COUNTED', detail: 'This entry counted before.' }
  const needed = result === 'REMOVED' ? 'licenses:release' : 'apps:install'
  if (!permissions.has(needed)) return refused('permission-missing', `Reporting this needs the permission ${needed}.`)
  if (license.state === 'RESERVED') {
    return refused('state-conflict', 'The token of this license has never left the platform.')
  }
  if (result === 'REMOVED') return decideRemoval(license)
  if (result === 'FAILED') return { outcome: 'APPLIED', isRecorded: true }
  if (bundle && entry.at * 1000 > bundle.expiresAtMs) {
    return refused('bundle-expired', 'The bundle had ended when this was installed. Make a new one for this device.')
  }
  if (license.state === 'RELEASED' && entry.at * 1000 > (license.releasedAtMs ?? 0)) {
    const detail = 'The license was given back before this. Remove the app there, or make a new license for it.'
    return { ...refused('license-conflict', detail), isRecorded: true }
  }
  return { outcome: 'APPLIED', isRecorded: true }
}

function decideRemoval({ state, isManaged }: ReceiptLicense): Decision {
  if (state !== 'VALID') {
    return { outcome: 'ALREADY_COUNTED', detail: `The license is ${state}: its unit is back.`, isRecorded: true }
  }
  if (isManaged) {
    return refused(
      'state-conflict',
      'A gateway holds this app on this device. Uninstall it, and the camera confirms it.',
    )
  }
  return { outcome: 'APPLIED', isRecorded: true, releases: true }
}
