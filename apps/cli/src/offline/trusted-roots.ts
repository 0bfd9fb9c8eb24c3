import { join } from 'node:path'
import { CliError, wrongUsage } from '../cli-error.ts'
import type { Io } from '../io.ts'
import { changePrivateFile } from '../profile/change-private-file.ts'
import { readTextFile } from '../profile/private-file.ts'

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
export async function rememberRoot(io: Pick<Io, 'configFolder' | 'clock' | 'signal'>, root: StoredRoot): Promise<void> {
  const path = pathIn(io.configFolder)
  const isKnown = (roots: StoredRoot[]) => roots.some(({ thumbprint }) => thumbprint === root.thumbprint)
  if (isKnown(parseRoots(await readTextFile(path), path))) return
  await changePrivateFile(path, io, (text) => {
    const roots = parseRoots(text, path)
    return `${JSON.stringify(isKnown(roots) ? roots : [...roots, root], null, 2)}\n`
  })
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
  const path = pathIn(configFolder)
  const roots = parseRoots(await readTextFile(path), path)
  if (roots.length > 0) return roots.map(({ thumbprint }) => thumbprint)
  throw wrongUsage(
    'This machine does not know the platform that made the bundle. Give its fingerprint with --root; `ocelli offline bundle` and `ocelli-platform keys show` print it.',
  )
}

function parseRoots(text: string | null, path: string): StoredRoot[] {
  if (text === null) return []
  try {
    return JSON.parse(text) as StoredRoot[]
  } catch (error) {
    throw new CliError('file-failed', `${path} cannot be read as JSON. Remove it and give --root once.`, {
      cause: error,
    })
  }
}
