import net from 'node:net'
import type { CameraPlace } from './address-range.ts'

/**
 * Those origins of a place whose port takes connections, in the place's order; found by TCP connections that send nothing and are
 * closed at once, so that addresses where nobody is cost one wait and no request. Never throws.
 */
export async function openOrigins(
  { origins }: CameraPlace,
  options: { connectTimeoutMs: number; signal: AbortSignal },
): Promise<string[]> {
  const isOpen = await Promise.all(origins.map((origin) => takesConnections(new URL(origin), options)))
  return origins.filter((_, index) => isOpen[index])
}

function takesConnections(url: URL, options: { connectTimeoutMs: number; signal: AbortSignal }): Promise<boolean> {
  const { connectTimeoutMs, signal } = options
  if (signal.aborted) return Promise.resolve(false)
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  const socket = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port })
  return new Promise((resolve) => {
    const answer = (isOpen: boolean) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve(isOpen)
    }
    const onAbort = () => answer(false)
    const timer = setTimeout(onAbort, connectTimeoutMs)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => answer(true))
    // Stays: a socket that fails after it was given up must not end the process.
    socket.on('error', () => answer(false))
  })
}
