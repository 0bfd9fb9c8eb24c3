import { DriverError, type DriverErrorCode } from '@ocelli/driver'
import type { CgiOutcome } from './cgi-outcome.ts'

type Meaning = { code: DriverErrorCode; detail: string }
type Table = Readonly<Record<number, Meaning>>

/** Codes that decide what is done next, rather than what is told. */
export const controlCode = {
  notFound: 4,
  alreadyRunning: 6,
  notRunning: 7,
  notStarted: 8,
  unspecified: 10,
  unknownOutcome: 15,
}
export const uploadCode = { unknownOutcome: 15 }
export const licenseCode = { noKey: 21, notRemoved: 23, notInstalled: 24 }

const unspecified = 'The camera does not say why.'
const timedOut = 'The camera ran out of time and does not know whether it worked.'

/** upload.cgi. The end of the app's log on the camera tells more for 5 and 10. */
export const uploadErrors: Table = {
  1: {
    code: 'package-refused',
    detail:
      'The camera does not take the file as an app package (.eap). AXIS OS 5 says so as well of an app whose name has other ' +
      'characters than letters and digits, and of one that asks for a newer application interface.',
  },
  2: {
    code: 'signature-refused',
    detail:
      'The camera refuses the package because its signature is missing or wrong. Use a package signed by Axis, ' +
      'or let the camera accept unsigned apps (AllowUnsigned, as far as its AXIS OS still has that). Before AXIS OS 9.20, which ' +
      'looks at no signature, this means that package.conf or the program itself is missing in the package.',
  },
  3: {
    code: 'storage-full',
    detail: 'The package is too large for the camera, or its storage is full. Remove an app that is not needed.',
  },
  5: {
    code: 'incompatible',
    detail:
      "The package does not fit this camera: its architecture, AXIS OS version, or what the app asks of it. The camera's system log tells which.",
  },
  10: { code: 'install-failed', detail: `The camera failed to install the package. ${unspecified}` },
  12: { code: 'busy', detail: 'The camera is taking another package at the moment.' },
  13: {
    code: 'package-refused',
    detail: 'The app wants to run as a user or group that this camera does not allow, such as root.',
  },
  14: {
    code: 'package-refused',
    detail: 'An app whose name differs only in upper and lower case is on the camera already. Remove that one first.',
  },
  15: { code: 'timeout', detail: timedOut },
  27: {
    code: 'package-refused',
    detail:
      'The app on the camera comes from another vendor (vendorId), so this package cannot update it. Remove it first; its data goes with it.',
  },
  29: {
    code: 'package-refused',
    detail: "The package's manifest.json or package.conf is not valid for this camera's AXIS OS.",
  },
}

/** control.cgi; 4, 6 and 7 are successes where they say that things are as wanted. */
export const controlErrors: Table = {
  1: { code: 'refused', detail: 'The camera calls the app or its manifest invalid.' },
  4: { code: 'app-not-found', detail: 'The app is not on the camera.' },
  6: { code: 'refused', detail: 'The app runs already.' },
  7: { code: 'refused', detail: 'The app does not run.' },
  8: { code: 'app-fell-back', detail: 'The camera could not start the app, or it ended at once.' },
  9: { code: 'refused', detail: 'Too many apps run on the camera. Stop one that is not needed (AXIS OS before 12.6).' },
  10: { code: 'refused', detail: `The camera failed to do it. ${unspecified}` },
  11: { code: 'license-refused', detail: 'The app is not started without a license key (AXIS OS 5).' },
  15: { code: 'timeout', detail: timedOut },
  21: { code: 'license-refused', detail: 'The app is not started, as its license key is not valid (AXIS OS 5).' },
}

/** license.cgi, which takes keys of Axis only. */
export const licenseErrors: Table = {
  21: {
    code: 'license-refused',
    detail:
      'The camera does not take this as a license key: for this app it takes only keys that Axis issued. ' +
      'Upload the key file that the vendor gave for this camera.',
  },
  22: { code: 'busy', detail: 'The camera did not take the license key file; a later try may work.' },
  23: { code: 'refused', detail: 'The camera failed to remove the license key.' },
  24: { code: 'app-not-found', detail: 'The app is not on the camera, so its license has no place there.' },
  25: { code: 'license-refused', detail: 'The license key is for another app (its application id differs).' },
  26: { code: 'license-refused', detail: 'The license key does not cover this version of the app.' },
  27: { code: 'license-refused', detail: 'The camera cannot reach the license service of Axis.' },
  28: { code: 'license-refused', detail: 'The camera got no license from the license service of Axis.' },
  29: {
    code: 'license-refused',
    detail: "The app's configuration on the camera is broken, so no license can be placed.",
  },
  30: {
    code: 'license-refused',
    detail: 'The license key is for another camera (its serial number differs).',
  },
  31: { code: 'license-refused', detail: 'The license key has expired.' },
}

/** The error for a code that a CGI answered. A code that no table has is told as it is. */
export function errorFor(
  table: Table,
  outcome: Extract<CgiOutcome, { kind: 'error' }>,
  fallback: { code: DriverErrorCode; what: string },
): DriverError {
  const known = table[outcome.code]
  const deviceCode = outcome.words
  if (known !== undefined) return new DriverError(known.code, known.detail, { deviceCode })
  return new DriverError(fallback.code, `The camera failed to ${fallback.what}: ${outcome.words}.`, { deviceCode })
}
