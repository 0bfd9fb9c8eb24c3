import { open, readFile, rm, stat } from 'node:fs/promises'
import { invalidOptions } from '../errors/ocelli-error.ts'

/** A file is made and then written to: without a name for longer, its process has died in between. */
const namelessForMs = 5_000
/** In a container each process may have the id of the one before: the time when it began tells them apart. */
const own = () => `${process.pid} ${Math.round(performance.timeOrigin)}`

/**
 * Makes a file that names this process; gives what removes it. Throws `invalid-options` while another process has it.
 *
 * | the file | what it means | what is done |
 * | --- | --- | --- |
 * | is not there | free | made |
 * | names a process that lives | in use | refused |
 * | names none, for less than 5 s | a process is starting | refused |
 * | names a dead process, or none for longer | left behind | removed by one that has the second file, then made |
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    if (await make(path, own())) return () => rm(path, { force: true })
    await refuseIfInUse(path)
    await removeLeftBehind(path)
  }
  throw inUse(path, null)
}

/** False when it is there. */
async function make(path: string, text: string): Promise<boolean> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
    return null
  })
  if (file === null) return false
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  return true
}

async function refuseIfInUse(path: string): Promise<void> {
  const holder = await readFile(path, 'utf8').catch(() => null)
  const owner = Number.parseInt(holder ?? '', 10)
  if (owner === process.pid ? holder === own() : owner > 0 && isAlive(owner)) throw inUse(path, owner)
  if (holder === '' && !(await isOld(path))) throw inUse(path, null)
}

/** Two that have both seen it left behind must not both remove it: the second would remove what the first has made since. */
async function removeLeftBehind(path: string): Promise<void> {
  const turn = `${path}.turn`
  if (!(await make(turn, ''))) {
    if (!(await isOld(turn))) throw inUse(path, null)
    await rm(turn, { force: true })
    return
  }
  try {
    await refuseIfInUse(path)
    await rm(path, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
}

async function isOld(path: string): Promise<boolean> {
  const changedAtMs = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.NEGATIVE_INFINITY,
  )
  return Date.now() - changedAtMs >= namelessForMs
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and somebody else's
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** `owner` null: it has not written its name yet. */
const inUse = (path: string, owner: number | null) =>
  invalidOptions(
    `The journal is in use by ${owner ? `the process ${owner}` : 'a process that is starting'}. If it is not, remove ${path}.`,
  )
