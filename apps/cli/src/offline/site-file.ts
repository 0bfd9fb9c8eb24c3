import { readFile, stat, writeFile } from 'node:fs/promises'
import type { Finding } from '@ocelli/driver'
import { decodeText } from '../profile/decode-text.ts'
import { OfflineError } from './offline-error.ts'

/** A camera of a closed network: what it showed without a login, and what it said with one. */
export interface SiteCamera extends Finding {
  architecture: string | null
  platformLevel: number | null
  appFormats: string[]
  unsignedApps: boolean | null
  /** Why its identity could not be read with the login that was given; null where it could, or nothing was tried. */
  loginProblem: string | null
}

/** Made in the closed network, read where the platform is. Holds no password. */
export interface SiteFile {
  kind: 'ocelli-site'
  version: 1
  foundAt: string
  cameras: SiteCamera[]
}

const maxSiteFileBytes = 64 * 1024 * 1024

export async function writeSiteFile(path: string, cameras: SiteCamera[], now: Date): Promise<void> {
  const file: SiteFile = { kind: 'ocelli-site', version: 1, foundAt: now.toISOString(), cameras }
  await writeFile(path, `${JSON.stringify(file, null, 2)}\n`)
}

/** Reads a site file. Throws OfflineError for what is none; fields that it does not know are ignored. */
export async function readSiteFile(path: string): Promise<SiteFile> {
  if ((await stat(path)).size > maxSiteFileBytes) throw notOne(path, 'It is longer than 64 MiB.')
  const bytes = await readFile(path)
  let value: unknown
  try {
    value = JSON.parse(decodeText(bytes))
  } catch (error) {
    throw notOne(path, 'It is no JSON.', error)
  }
  const { kind, version, cameras } = (value ?? {}) as Partial<SiteFile>
  if (kind !== 'ocelli-site' || !Array.isArray(cameras)) throw notOne(path, 'It is another file.')
  if (version !== 1) throw notOne(path, `Its version ${version} is not known to this program; update it.`)
  for (const [index, camera] of cameras.entries()) {
    if (!isCamera(camera)) throw notOne(path, `Camera ${index + 1} in it is not whole.`)
  }
  return value as SiteFile
}

function isCamera(value: unknown): value is SiteCamera {
  if (typeof value !== 'object' || value === null) return false
  const { deviceId, addresses, appFormats } = value as Partial<SiteCamera>
  const isTexts = (list: unknown) => Array.isArray(list) && list.every((one) => typeof one === 'string')
  return (deviceId === null || typeof deviceId === 'string') && isTexts(addresses) && isTexts(appFormats)
}

const notOne = (path: string, detail: string, cause?: unknown) =>
  new OfflineError(
    'site-file-invalid',
    `${path} is no site file. ${detail} Make one with: ocelli discover --out site.json`,
    {
      cause,
    },
  )
