import { deviceIdOfFileName, type KeyFile, type VendorKey } from '@ocelli/app-package'
import type { LicenseState, VendorLicenseFile } from '@ocelli/contract'

/** The newest license of a device that its vendor issued, held or expired. */
export interface KnownKey {
  licenseId: string
  deviceId: string
  state: Extract<LicenseState, 'VALID' | 'EXPIRED'>
  content: string
}

export interface KeySurroundings {
  /** Devices that the caller sees, by id. */
  deviceIds: ReadonlySet<string>
  /** By device id. */
  known: ReadonlyMap<string, KnownKey>
  /** The vendor's numbers of the app; empty where its packages name none. */
  applicationIds: ReadonlySet<string>
  /** `YYYY-MM-DD` by the database's clock. */
  today: string
}

export type Verdict = { fileName: string; deviceId: string | null; detail: string } & (
  | { kind: 'refused'; result: Exclude<VendorLicenseFile['result'], 'STORED' | 'RENEWED'>; licenseId: string | null }
  | { kind: 'store'; deviceId: string; key: VendorKey }
  | { kind: 'renew'; deviceId: string; key: VendorKey; license: KnownKey }
)

/** Whom each file is meant for: what it says itself counts before what it is called. */
export const deviceIdOf = ({ name, reading }: KeyFile): string | null =>
  reading.kind === 'key' ? (reading.key.deviceId ?? deviceIdOfFileName(name)) : null

/**
 * What becomes of each file. Pure. Of several for one device the one that lasts longest counts.
 *
 * | the file | becomes |
 * | --- | --- |
 * | cannot be read | `DAMAGED` |
 * | names another app's number | `OTHER_APP` |
 * | names no device, or none that the caller sees | `UNKNOWN_DEVICE` |
 * | has ended | `EXPIRED` |
 * | is what the device holds, or another of this upload lasts as long | `DUPLICATE` |
 * | the device holds, or held until its end, another | `RENEWED`: the same license with the new file |
 * | anything else | `STORED` |
 */
export function judgeKeys(files: readonly KeyFile[], around: KeySurroundings): Verdict[] {
  const verdicts = files.map((file) => judge(file, around))
  const best = new Map<string, VendorKey>()
  for (const verdict of verdicts) {
    if (verdict.kind === 'refused') continue
    const rival = best.get(verdict.deviceId)
    if (!rival || lastDay(verdict.key) > lastDay(rival)) best.set(verdict.deviceId, verdict.key)
  }
  return verdicts.map((verdict) =>
    verdict.kind === 'refused' || best.get(verdict.deviceId) === verdict.key
      ? verdict
      : refuse(verdict, 'DUPLICATE', 'Another file of this upload is for the same device and lasts at least as long.'),
  )
}

function judge(file: KeyFile, around: KeySurroundings): Verdict {
  const { name: fileName, reading } = file
  const deviceId = deviceIdOf(file)
  const about = { fileName, deviceId }
  if (reading.kind === 'damaged') return refuse(about, 'DAMAGED', reading.reason)
  const { key } = reading
  const { applicationId } = key
  if (applicationId !== null && around.applicationIds.size > 0 && !around.applicationIds.has(applicationId)) {
    const numbers = [...around.applicationIds].join(', ')
    return refuse(
      about,
      'OTHER_APP',
      `The key is for the app with the number ${applicationId}; this one is ${numbers}.`,
    )
  }
  if (deviceId === null) {
    const detail =
      'Neither the key nor its file name says which device it is for. Name the file by the serial number of the camera.'
    return refuse(about, 'UNKNOWN_DEVICE', detail)
  }
  if (!around.deviceIds.has(deviceId)) {
    return refuse(about, 'UNKNOWN_DEVICE', `The device ${deviceId} does not exist, or is not visible to you.`)
  }
  if (key.expires !== null && key.expires < around.today) {
    return refuse(about, 'EXPIRED', `The key has ended on ${key.expires}.`)
  }
  const license = around.known.get(deviceId)
  if (!license)
    return { ...about, kind: 'store', deviceId, key, detail: 'Stored; an installation of the app places it.' }
  if (license.state === 'VALID' && license.content === key.content) {
    return { ...refuse(about, 'DUPLICATE', 'The device holds this key already.'), licenseId: license.licenseId }
  }
  return { ...about, kind: 'renew', deviceId, key, license, detail: 'It takes the place of the key that was there.' }
}

type Refused = Verdict & { kind: 'refused' }

function refuse(
  { fileName, deviceId }: { fileName: string; deviceId: string | null },
  result: Refused['result'],
  detail: string,
): Refused {
  return { kind: 'refused', fileName, deviceId, result, detail, licenseId: null }
}

/** A key without end lasts longest. */
const lastDay = ({ expires }: VendorKey) => expires ?? '9999-12-31'
