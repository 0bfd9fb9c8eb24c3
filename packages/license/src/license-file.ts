/** Longest license file that is looked at, in characters. A token with certificate and grant takes about 1.5 KiB. */
const maxLicenseFileLength = 16 * 1024

/** The text is not a license file: wrong shape, foreign characters, or too long. */
export class LicenseFileError extends Error {
  readonly code = 'damaged'
  override readonly name = 'LicenseFileError'
}

/** What a license file holds: the license token, the root's word for its signing key, and the app maker's grant. */
export interface LicenseFile {
  token: string
  keyCertificate: string | null
  grant: string | null
}

const compactJws = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Joins the parts to the one ASCII line `token~keyCertificate[~grant]` that a camera gets by InstallLicense and a
 * `.lic` file holds. Throws LicenseFileError when a part is not a compact JWS or the whole is too long.
 */
export function encodeLicenseFile(parts: { token: string; keyCertificate: string; grant?: string | null }): string {
  const { token, keyCertificate, grant = null } = parts
  const text = [token, keyCertificate, ...(grant === null ? [] : [grant])].join('~')
  decodeLicenseFile(text)
  return text
}

/**
 * Takes a license file apart; a bare token is one too. White space, line ends and a byte order mark around it are
 * allowed. Nothing is verified. Throws LicenseFileError when the text does not have the form of a license file.
 */
export function decodeLicenseFile(text: string): LicenseFile {
  const file = splitLicenseFile(text)
  if (typeof file === 'string') throw new LicenseFileError(file)
  return file
}

/** Whether the text has the form of a license file. Nothing is verified. */
export function isLicenseFile(text: string): boolean {
  return typeof splitLicenseFile(text) !== 'string'
}

/** The parts of a license file, or a sentence that says why the text is none. */
export function splitLicenseFile(text: string): LicenseFile | string {
  if (typeof text !== 'string') return 'A license file is text.'
  if (text.length > maxLicenseFileLength) return 'The license file is longer than 16 KiB.'
  const parts = text.trim().split('~')
  const [token, keyCertificate = null, grant = null] = parts
  if (token === undefined || parts.length > 3 || !parts.every((part) => compactJws.test(part))) {
    return 'The text does not have the form token~keyCertificate~grant.'
  }
  return { token, keyCertificate, grant }
}
