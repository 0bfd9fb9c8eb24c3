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
  isUp(): boolean
  /** Calls the listener after each reboot; the function it gives ends that. */
  onUp(listener: () => void): () => void
  end(): Promise<void>
}

export interface PowerOptions {
  listener: Listener
  time: SimTime
  /** Reboots of earlier runs. */
  reboots: number
  beforeDown: () => void
  /** Carried out whenever the camera has started. */
  afterUp: () => Promise<void>
}

// Another process can hold the port for a moment after the camera left it.
const retryMs = 50

export function createPower({ listener, time, reboots, beforeDown, afterUp }: PowerOptions): Power {
  let current = new AbortController()
  let count = reboots
  let isUp = false
  const listeners = new Set<() => void>()
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

  async function start(): Promise<void> {
    await listener.start()
    isUp = true
    await afterUp()
  }

  async function goDown(): Promise<void> {
    isUp = false
    current.abort(new Error('The camera went down.'))
    beforeDown()
    await listener.stop()
  }

  async function comeUp(): Promise<void> {
    current = new AbortController()
    while (!ended.signal.aborted) {
      try {
        await start()
        for (const listen of listeners) listen()
        return
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
    begin: start,
    signal: () => current.signal,
    reboot(downMs) {
      if (ended.signal.aborted) return Promise.resolve()
      rebooting ??= cycle(downMs).finally(() => {
        rebooting = null
      })
      return rebooting
    },
    reboots: () => count,
    isUp: () => isUp,
    onUp(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
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
