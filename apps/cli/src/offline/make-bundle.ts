import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Bundle, BundlePackage, BundleRequest, Client } from '@ocelli/sdk'
import { saveApp } from '@ocelli/sdk/node'
import { CliError } from '../cli-error.ts'
import { writeBundle } from './bundle-file.ts'

export interface MakeBundleOptions {
  client: Client
  request: BundleRequest
  /** Where the bundle goes. */
  path: string
  /** Packages are kept here, so that the next bundle need not fetch them again. */
  packageFolder: string
  signal: AbortSignal
  tell: (text: string) => void
}

/**
 * Has the platform issue the licenses, all or none, fetches the packages and writes the bundle's file. Broken off and called again
 * it spends nothing more: pairs that hold a license use it.
 */
export async function makeBundle(options: MakeBundleOptions): Promise<Bundle> {
  const { client, request, path, packageFolder, signal, tell } = options
  await mkdir(packageFolder, { recursive: true })
  const bundle = await client.bundles.create(request, { signal })
  const packages: { sha256: string; size: number; path: string }[] = []
  for (const one of bundle.packages) {
    const file = await fetchPackage(one, { client, packageFolder, signal, tell })
    if (!packages.some(({ sha256 }) => sha256 === one.sha256)) {
      packages.push({ sha256: one.sha256, size: one.size, path: file })
    }
  }
  tell(`writing ${path}`)
  await writeBundle(path, { manifest: bundle.manifest, keyCertificate: bundle.keyCertificate, packages }, signal)
  return bundle
}

async function fetchPackage(
  wanted: BundlePackage,
  { client, packageFolder, signal, tell }: Pick<MakeBundleOptions, 'client' | 'packageFolder' | 'signal' | 'tell'>,
): Promise<string> {
  const { appId, version, sha256, architectures } = wanted
  const path = join(packageFolder, sha256)
  if ((await digestOf(path, signal)) === sha256) return path
  await rm(path, { force: true })
  const [architecture] = architectures
  const saved = await saveApp(client, {
    ...{ appId, path, version, signal },
    ...(architecture === undefined ? {} : { architecture }),
    onProgress: (received, total) =>
      tell(`${appId} ${version}: ${Math.floor((100 * received) / Math.max(1, total))} %`),
  })
  if (saved.sha256 === sha256) return path
  await rm(path, { force: true })
  throw new CliError(
    'refused',
    `The platform gave another package of ${appId} ${version} than the bundle names. Try again.`,
  )
}

/** Null where there is no such file. */
async function digestOf(path: string, signal: AbortSignal): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash, { signal })
    return hash.digest('hex')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
