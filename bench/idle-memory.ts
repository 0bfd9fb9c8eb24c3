import { setTimeout as pause } from 'node:timers/promises'
import { residentBytes } from './process-memory.ts'

const settleMs = 3000

/** Of a Node process that collects its garbage when it is told by SIGUSR2. */
export const collectsWhenTold: string[] = [
  '--expose-gc',
  // the last resort also gives back the pages that V8 would keep for its next work
  '--import=data:text/javascript,process.on("SIGUSR2",()=>gc({type:"major",execution:"sync",flavor:"last-resort"}))',
]

/**
 * Resident bytes of an idle process, started with `collectsWhenTold`, once its garbage is collected. V8 does that by itself after a minute
 * or two without work; until then what made the process busy counts as memory of what it holds.
 */
export async function idleBytes(pid: number): Promise<number> {
  // what the first collection finalizes, the second frees
  for (let round = 0; round < 2; round++) {
    await pause(settleMs)
    process.kill(pid, 'SIGUSR2')
  }
  await pause(settleMs)
  return await residentBytes(pid)
}
