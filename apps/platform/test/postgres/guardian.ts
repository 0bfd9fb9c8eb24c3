import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { unlessMissing } from '../../src/platform/embedded-postgres/embedded-postgres-error.ts'
import { readPostmasterPid } from '../../src/platform/embedded-postgres/postmaster-pid.ts'

/**
 * Runs beside a test server as a process of its own: `node guardian.ts <folder>`. Its standard input ends when the
 * test run ends, however that happens (SIGKILL too); then it ends the server that still runs there, and deletes the
 * folder.
 */
async function guard(folder: string): Promise<void> {
  await text(process.stdin)
  for (const name of (await unlessMissing(readdir(join(folder, 'pg')))) ?? []) {
    if (!/^\d+$/.test(name)) continue
    const entry = await readPostmasterPid(join(folder, 'pg', name))
    if (entry) endAtOnce(entry.pid)
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 20 })
}

/** Immediate shutdown: nobody reads this data again. */
function endAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: guardian.ts <folder>')
await guard(folder)
