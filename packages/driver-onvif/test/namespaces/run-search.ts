import { discoverCameras } from '@ocelli/driver'
import { driverModule } from '../../src/index.ts'

/** Looks for cameras from its namespace and prints what was found. Arguments: `multicast` or `quiet`, then ranges. */
const [how, ...ranges] = process.argv.slice(2)
const { signal } = new AbortController()
const discovery = await discoverCameras([driverModule], { signal, multicast: how === 'multicast', ranges })
process.stdout.write(`${JSON.stringify(discovery.findings)}\n`)
