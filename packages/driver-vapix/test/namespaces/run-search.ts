import { discoverCameras } from '@ocelli/driver'
import { driverModule } from '../../src/index.ts'

/** Looks for Axis cameras from its namespace and prints what was found. */
const { signal } = new AbortController()
const discovery = await discoverCameras([driverModule], { signal, multicast: true, ranges: [] })
process.stdout.write(`${JSON.stringify(discovery.findings)}\n`)
