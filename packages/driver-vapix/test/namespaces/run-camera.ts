import { networkInterfaces } from 'node:os'
import { createAxisCamera, startAxisDiscovery } from '@ocelli/camera-sim'

/** A simulated Axis camera on all addresses of its namespace, port 80; ends with its input. Arguments: serial number, families that it hears. */
const [serialNumber = '', ...families] = process.argv.slice(2)
const login = { user: 'root', password: 'secret' }
const camera = await createAxisCamera({ ...login, serialNumber, host: '::', port: 80 })
let responders = 0
for (const [name, infos = []] of Object.entries(networkInterfaces())) {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const own = infos.find((info) => info.family === family && !info.internal)
    if (!own || !families.includes(family)) continue
    const interfaceAddress = family === 'IPv4' ? own.address : `::%${name}`
    await startAxisDiscovery({ cameras: [camera], family, interfaceAddress, ports: { wsDiscovery: null } })
    responders += 1
  }
}
process.stdout.write(`${JSON.stringify({ responders })}\n`)
process.stdin.resume()
process.stdin.once('end', () => process.exit(0))
