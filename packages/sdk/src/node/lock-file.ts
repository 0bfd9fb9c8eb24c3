import { open, readFile, rm } from 'node:fs/promises'
import { invalidOptions } from '../errors/ocelli-error.ts'

/** Makes a file that names this process; gives what removes it. One left by a process that is no more is taken over. */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  // In a container each process may have the id of the one before: the time when it began tells them apart.
  const own = `${process.pid} ${Math.round(performance.timeOrigin)}`
  for (let attempt = 1; attempt <= 3; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(own)
      await file.close()
      return () => rm(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const holder = await readFile(path, 'utf8').catch(() => '')
      const owner = Number.parseInt(holder, 10)
      if (owner === process.pid ? holder === own : owner > 0 && isAlive(owner)) throw inUse(path, owner)
      await rm(path, { force: true })
    }
  }
  throw inUse(path, 0)
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

const inUse = (path: string, owner: number) =>
  invalidOptions(`The journal is in use by the process ${owner || 'that is starting'}. If it is not, remove ${path}.`)
