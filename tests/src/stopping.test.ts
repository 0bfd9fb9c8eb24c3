import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { startSystem } from './system.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`a platform that is told by ${signal} again stops in order, with PostgreSQL and its gateway`, async () => {
    const system = await startSystem()
    const platform = system.platform()
    try {
      const exited = once(platform, 'exit')
      platform.kill(signal)
      if (platform.stdout === null) throw new Error('The platform has no standard output.')
      for await (const line of createInterface({ input: platform.stdout })) if (line.includes('Ocelli stops')) break
      // as one Ctrl-C comes from the terminal and once more from npm
      platform.kill(signal)
      expect({ exit: await exited, left: await system.processes() }).toEqual({ exit: [0, null], left: [] })
    } finally {
      await system.close()
    }
  })
}
