import { startDiscovery } from '../../discovery/responder.ts'
import type { SimulatedAxisCamera } from '../simulated-axis-camera.ts'
import { startMdns } from './mdns-responder.ts'
import { startSsdp } from './ssdp-responder.ts'

export interface AxisDiscoveryOptions {
  cameras: readonly SimulatedAxisCamera[]
  /** IPv4 by default. */
  family?: 'IPv4' | 'IPv6'
  /** Address of the one network interface to use, `::%eth0` for IPv6; all by default. */
  interfaceAddress?: string
  /** UDP ports, those of the standards by default; null leaves that way of being found out. */
  ports?: { mdns?: number | null; ssdp?: number | null; wsDiscovery?: number | null }
}

/** Answers for its cameras until it is closed. */
export interface AxisDiscovery {
  /** UDP ports in use. */
  readonly ports: { mdns: number | null; ssdp: number | null; wsDiscovery: number | null }
  /** Says goodbye for all cameras and ends. */
  close(): Promise<void>
}

/**
 * Makes Axis cameras be found: mDNS `_axis-video._tcp`, SSDP and WS-Discovery. Rejects when a port or multicast is not to
 * be had.
 */
export async function startAxisDiscovery(options: AxisDiscoveryOptions): Promise<AxisDiscovery> {
  const { cameras, family = 'IPv4', interfaceAddress } = options
  const { mdns = 5353, ssdp = 1900, wsDiscovery = 3702 } = options.ports ?? {}
  const started: { port: number; close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all(started.map((one) => one.close()))
  }
  async function start(
    port: number | null,
    begin: (port: number) => Promise<{ port: number; close(): Promise<void> }>,
  ) {
    if (port === null) return null
    const begun = await begin(port)
    started.push(begun)
    return begun.port
  }
  try {
    const ports = {
      mdns: await start(mdns, (port) => startMdns({ cameras, port, family, interfaceAddress })),
      ssdp: await start(ssdp, (port) => startSsdp({ cameras, port, family, interfaceAddress })),
      wsDiscovery: await start(wsDiscovery, (port) =>
        startDiscovery({ cameras: cameras.map(({ onvif }) => onvif), port, family, interfaceAddress }),
      ),
    }
    return { ports, close }
  } catch (error) {
    await close()
    throw error
  }
}
