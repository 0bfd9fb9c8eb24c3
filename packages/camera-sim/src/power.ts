import type { Listener } from './http/listener.ts'
import type { SimTime } from './time.ts'

export interface Power {
  /** First start. */
  begin(): Promise<void>
  /** Aborted when the camera goes down. */
  signal(): AbortSignal
  /** Away for a while; a reboot asked for while it is away changes nothing. */
  reboot(downMs: number): Promise<void>
  reboots(): number
  end(): Promise<void>
}

export interface PowerOptions {
  listener: Listener
  time: SimTime
  /** Reboots of earlier runs. */
  reboots: number
  onDown: () => void
  onUp: () => Promise<void>
}

// Another process can hold the port for a moment after the camera left it.
const retryMs = 50

export function createPower({ listener, time, reboots, onDown, onUp }: PowerOptions): Power {
  let current = new AbortController()
  let count = reboots
  let rebooting: Promise<void> | null = null
  const ended = new AbortController()

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const cancel = time.after(ms, resolve)
      ended.signal.addEventListener(
        'abort',
        () => {
          cancel()
          resolve()
        },
        { once: true },
      )
    })

  async function goDown(): Promise<void> {
    current.abort(new Error('The camera went down.'))
    onDown()
    await listener.stop()
  }

  async function comeUp(): Promise<void> {
    current = new AbortController()
    while (!ended.signal.aborted) {
      try {
        await listener.start()
        return await onUp()
      } catch (error) {
        if (!isPortTaken(error)) throw error
        await pause(retryMs)
      }
    }
  }

  async function cycle(downMs: number): Promise<void> {
    count += 1
    await goDown()
    await pause(downMs)
    if (!ended.signal.aborted) await comeUp()
  }

  return {
    async begin() {
      await listener.start()
      await onUp()
    },
    signal: () => current.signal,
    reboot(downMs) {
      if (ended.signal.aborted) return Promise.resolve()
      rebooting ??= cycle(downMs).finally(() => {
        rebooting = null
      })
      return rebooting
    },
    reboots: () => count,
    async end() {
      if (ended.signal.aborted) return
      ended.abort()
      await rebooting
      await goDown()
    },
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
