import { networkInterfaces } from 'node:os'
import { createCamera, startDiscovery } from '@ocelli/camera-sim'

/** A simulated camera on all addresses of its namespace, port 80; ends with its input. Arguments: device id, families that it hears. */
const [deviceId = 'camera', ...families] = process.argv.slice(2)
const camera = await createCamera({ deviceId, user: 'admin', password: 'secret', host: '::', port: 80 })
const responders = []
for (const [name, infos = []] of Object.entries(networkInterfaces())) {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const own = infos.find((info) => info.family === family && !info.internal)
    if (!own || !families.includes(family)) continue
    const interfaceAddress = family === 'IPv4' ? own.address : `::%${name}`
    responders.push(await startDiscovery({ cameras: [camera], family, interfaceAddress }))
  }
}
process.stdout.write(`${JSON.stringify({ endpointId: camera.endpointId, responders: responders.length })}\n`)
process.stdin.resume()
process.stdin.once('end', () => process.exit(0))
