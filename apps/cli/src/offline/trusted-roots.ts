import { join } from 'node:path'
import { CliError, wrongUsage } from '../cli-error.ts'
import { readTextFile, writePrivateFile } from '../profile/private-file.ts'

interface StoredRoot {
  thumbprint: string
  /** The platform that told it, over its own connection; null: a person has typed it. */
  url: string | null
}

const pathIn = (configFolder: string) => join(configFolder, 'trusted-roots.json')
const thumbprintForm = /^[A-Za-z0-9_-]{43}$/

/**
 * Remembers the root of a platform that this machine is signed in to, or that was typed and has proved a bundle: bundles of it need
 * no fingerprint here.
 */
export async function rememberRoot(configFolder: string, root: StoredRoot): Promise<void> {
  const roots = await readRoots(configFolder)
  if (roots.some(({ thumbprint }) => thumbprint === root.thumbprint)) return
  await writePrivateFile(pathIn(configFolder), `${JSON.stringify([...roots, root], null, 2)}\n`)
}

/** The roots to try: the one that was typed, else those that were remembered. A bundle's own keys prove nothing. */
export async function trustedRoots(configFolder: string, typed: string | undefined): Promise<string[]> {
  if (typed !== undefined) {
    const thumbprint = typed.trim()
    if (!thumbprintForm.test(thumbprint)) {
      throw wrongUsage('A fingerprint has 43 letters, digits, - and _; `ocelli-platform keys show` prints it.')
    }
    return [thumbprint]
  }
  const roots = await readRoots(configFolder)
  if (roots.length > 0) return roots.map(({ thumbprint }) => thumbprint)
  throw wrongUsage(
    'This machine does not know the platform that made the bundle. Give its fingerprint with --root; `ocelli offline bundle` and `ocelli-platform keys show` print it.',
  )
}

async function readRoots(configFolder: string): Promise<StoredRoot[]> {
  const path = pathIn(configFolder)
  const text = await readTextFile(path)
  if (text === null) return []
  try {
    return JSON.parse(text) as StoredRoot[]
  } catch (error) {
    throw new CliError('file-failed', `${path} cannot be read as JSON. Remove it and give --root once.`, {
      cause: error,
    })
  }
}
