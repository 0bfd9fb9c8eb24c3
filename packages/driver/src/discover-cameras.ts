import type { DiscoverOptions, Finding } from './discovery.ts'
import type { DriverModule } from './driver.ts'
import { mergeFindings } from './merge-findings.ts'

/** What all drivers found together, made one as `mergeFindings` says. */
export interface Discovery {
  findings: Finding[]
  /** Drivers whose looking broke off; what they had found by then is among the findings. */
  failures: { driver: DriverModule['name']; error: unknown }[]
}

/**
 * Looks with all drivers side by side and merges what they found. One that fails does not take away what others find.
 * Throws RangeError for ranges that are none, and the signal's reason.
 */
export async function discoverCameras(modules: readonly DriverModule[], options: DiscoverOptions): Promise<Discovery> {
  const found: Finding[] = []
  const failures: Discovery['failures'] = []
  await Promise.all(
    modules.map(async ({ name, discover }) => {
      if (!discover) return
      try {
        for await (const finding of discover(options)) found.push(finding)
      } catch (error) {
        options.signal.throwIfAborted()
        if (error instanceof RangeError) throw error
        failures.push({ driver: name, error })
      }
    }),
  )
  return { findings: mergeFindings(found), failures }
}
