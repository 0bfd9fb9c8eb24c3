import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EmbeddedPostgresError, unlessMissing } from './embedded-postgres-error.ts'

/** The unprivileged user that runs PostgreSQL when Ocelli is started by root, as whom PostgreSQL refuses to run. */
export type ServiceUser = { name: string; uid: number; gid: number }

const candidates = ['postgres', '_postgres', 'nobody']

/** Whether this process is root; never on Windows, which has no such user. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/**
 * Picks from the text of /etc/passwd the user named, or the first of `postgres`, `_postgres` (macOS) and `nobody`.
 * Users with a negative id (nobody on macOS) cannot own files through Node and are passed over.
 */
export function pickServiceUser(passwd: string, wanted?: string): ServiceUser | undefined {
  const users = passwd.split('\n').map((line) => {
    const [name = '', , uid, gid] = line.split(':')
    return { name, uid: Number(uid), gid: Number(gid) }
  })
  return (wanted === undefined ? candidates : [wanted])
    .map((name) => users.find((user) => user.name === name && user.uid > 0 && user.gid >= 0))
    .find((user) => user !== undefined)
}

/**
 * Gives the user to run PostgreSQL as, or undefined when we are an ordinary user and run it as ourselves.
 * Data that already belongs to an ordinary user keeps its owner: whoever made it can still start it alone.
 */
export async function findServiceUser(options: { pgData: string; wanted?: string }): Promise<ServiceUser | undefined> {
  if (!isRoot()) return undefined
  const owned = await unlessMissing(stat(options.pgData))
  if (owned && owned.uid !== 0) return { name: `uid ${owned.uid}`, uid: owned.uid, gid: owned.gid }
  const user = pickServiceUser((await unlessMissing(readFile('/etc/passwd', 'utf8'))) ?? '', options.wanted)
  if (user) return user
  throw new EmbeddedPostgresError(
    'postgres-unavailable',
    `PostgreSQL cannot run as root, and no unprivileged user ${options.wanted ?? candidates.join(' or ')} exists. Create one, start Ocelli as an ordinary user, or set DATABASE_URL.`,
  )
}

/** The outermost folder on the way to `folder` that `user` may not enter, judged by mode bits alone. */
export async function findClosedFolder(folder: string, user: ServiceUser): Promise<string | undefined> {
  const parent = dirname(folder)
  const closedAbove = parent === folder ? undefined : await findClosedFolder(parent, user)
  if (closedAbove) return closedAbove
  const { mode, uid, gid } = await stat(folder)
  const mayEnter = uid === user.uid ? mode & 0o100 : gid === user.gid ? mode & 0o010 : mode & 0o001
  return mayEnter ? undefined : folder
}
