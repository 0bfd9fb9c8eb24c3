import { access, chmod, mkdir, mkdtemp, rmdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'

/** The data folder cannot be made or written to; the sentence names it and the way out. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
  readonly code = 'data-folder-unusable'
}

export type Machine = {
  environment: Record<string, string | undefined>
  platform: NodeJS.Platform
  isRoot: boolean
  homeFolder: string
}

/**
 * Where Ocelli keeps its data: OCELLI_HOME, else the place that the system has for it. Root's is /var/lib/ocelli,
 * since the unprivileged user that runs PostgreSQL for root cannot enter /root. Absolute; touches no disk.
 */
export function resolveDataFolder({ environment, platform, isRoot, homeFolder }: Machine): string {
  if (environment.OCELLI_HOME) return resolve(environment.OCELLI_HOME)
  if (platform === 'win32') return join(environment.LOCALAPPDATA || join(homeFolder, 'AppData', 'Local'), 'ocelli')
  if (isRoot) return '/var/lib/ocelli'
  if (platform === 'darwin') return join(homeFolder, 'Library', 'Application Support', 'ocelli')
  // The XDG Base Directory Specification says to ignore a relative path.
  const xdg = environment.XDG_DATA_HOME
  return join(xdg && isAbsolute(xdg) ? xdg : join(homeFolder, '.local', 'share'), 'ocelli')
}

/** What `resolveDataFolder` asks of this process. */
export function thisMachine(environment: Record<string, string | undefined>): Machine {
  return { environment, platform: process.platform, isRoot: process.geteuid?.() === 0, homeFolder: homedir() }
}

/**
 * Makes the folder where it is missing, for its owner alone (0700); with `isPassedThrough`, others may pass through it
 * to what they know the name of (0711): root's service user must reach the database. The mode of a folder that exists
 * is its owner's choice and stays. Rejects with DataFolderError when nothing can be written there.
 */
export async function prepareDataFolder(folder: string, options: { isPassedThrough: boolean }): Promise<void> {
  const mode = options.isPassedThrough ? 0o711 : 0o700
  try {
    await makeFolder(folder, mode)
    // Mode bits do not show a read-only mount, a full disk or an access list; making something does.
    await rmdir(await mkdtemp(join(folder, '.writable-')))
  } catch (cause) {
    const reason = reasons[codeOf(cause)] ?? String(cause instanceof Error ? cause.message : cause)
    throw new DataFolderError(
      `Cannot keep data in ${folder}: ${reason}. Set OCELLI_HOME to a folder that the user who starts Ocelli can write to.`,
      { cause },
    )
  }
}

/**
 * Makes a folder and those above it; one that exists keeps its mode. Level by level, because Node's recursive `mkdir`
 * never returns where a parent exists and the system still answers ENOENT, as in /proc.
 */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  if (await exists(folder)) return
  if (dirname(folder) !== folder) await makeFolder(dirname(folder), mode)
  try {
    await mkdir(folder, { mode })
    // The umask takes bits away from `mkdir`, never from `chmod`.
    await chmod(folder, mode)
  } catch (error) {
    // Somebody else made it in between.
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

const reasons: Record<string, string> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of the path is a file',
  ENOENT: 'it cannot be made there',
}
