import { connect } from 'node:net'

/** Whether something takes a TCP connection at the broker's address. Says nothing about what it is. */
export function isPortOpen(brokerUrl: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<boolean> {
  const { hostname, port, protocol } = new URL(brokerUrl)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(port || (protocol === 'mqtts:' ? 8883 : 1883)), signal: options.signal })
  return new Promise((resolve) => {
    const settle = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.setTimeout(options.timeoutMs, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
