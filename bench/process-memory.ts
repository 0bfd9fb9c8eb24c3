import { readdir, readFile } from 'node:fs/promises'

export interface ProcessMemory {
  pid: number
  command: string
  pssBytes: number
}

/** The process and all that descend from it, with their proportional share of memory. Linux only: read from /proc. */
export async function memoryOfTree(rootPid: number): Promise<ProcessMemory[]> {
  const parents = await readParents()
  const tree = new Set([rootPid])
  for (let before = 0; before !== tree.size; ) {
    before = tree.size
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid)
  }
  const found = await Promise.all([...tree].map(readMemory))
  return found.filter((memory) => memory !== null)
}

/** Resident set of one process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  return kilobytes(await readFile(`/proc/${pid}/status`, 'utf8'), 'VmRSS')
}

/** Processor time that the process has used so far, all threads, in milliseconds. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // proc(5): the name may hold spaces and ends with the last bracket; utime and stime are fields 14 and 15, in ticks of 10 ms
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Processor time of a process and its children, with those that have ended and been waited for, in milliseconds. */
export async function cpuWithChildrenMs(rootPid: number): Promise<number> {
  const parents = await readParents()
  const children = [...parents].filter(([, parent]) => parent === rootPid).map(([pid]) => pid)
  const stat = await readFile(`/proc/${rootPid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // proc(5): fields 14 to 17 are utime, stime, and the same of children that have ended
  const own = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) * 10
  const living = await Promise.all(children.map((pid) => unlessGone(readFile(`/proc/${pid}/stat`, 'utf8'))))
  return living.reduce((sum, text) => {
    if (text === null) return sum
    const used = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return sum + (Number(used[11]) + Number(used[12])) * 10
  }, own)
}

export async function parentOf(pid: number): Promise<number> {
  return (await readParents()).get(pid) ?? 0
}

async function readParents(): Promise<Map<number, number>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const entries = await Promise.all(
    pids.map(async (pid): Promise<[number, number] | null> => {
      const status = await unlessGone(readFile(`/proc/${pid}/status`, 'utf8'))
      return status === null ? null : [pid, Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0)]
    }),
  )
  return new Map(entries.filter((entry) => entry !== null))
}

async function readMemory(pid: number): Promise<ProcessMemory | null> {
  const [commandLine, rollup] = await Promise.all([
    unlessGone(readFile(`/proc/${pid}/cmdline`, 'utf8')),
    unlessGone(readFile(`/proc/${pid}/smaps_rollup`, 'utf8')),
  ])
  if (commandLine === null || rollup === null) return null
  return { pid, command: commandLine.replaceAll('\0', ' ').trim(), pssBytes: kilobytes(rollup, 'Pss') }
}

function kilobytes(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1]
  if (found === undefined) throw new Error(`/proc does not tell ${name} here.`)
  return Number(found) * 1024
}

/** Null for a process that has ended meanwhile. */
async function unlessGone(reading: Promise<string>): Promise<string | null> {
  try {
    return await reading
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(String((error as { code?: unknown }).code))) return null
    throw error
  }
}
