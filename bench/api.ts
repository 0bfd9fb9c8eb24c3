import { benchClaims } from './api-claims.ts'
import { benchInstalls } from './api-installs.ts'
import { benchLists } from './api-lists.ts'
import { makeFleet } from './fleet.ts'
import { startPlatformProcess } from './platform-process.ts'
import { print } from './report.ts'

const devices = 100_000

/** Lists, installs and claims of one account with 100,000 devices. */
export async function benchApi(): Promise<void> {
  const platform = await startPlatformProcess()
  try {
    const fleet = await makeFleet(platform, devices)
    print(`${devices} devices in one account`)
    await benchLists(platform)
    await benchInstalls(platform, fleet)
    await benchClaims(platform, fleet)
  } finally {
    await platform.stop()
  }
}
