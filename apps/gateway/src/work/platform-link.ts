import type { DownMessage, SealingJwk, ShareInUse, UpMessage, Welcome } from '@ocelli/contract'
import type { Channel } from '../channel/channel.ts'
import type { Clock } from '../state/clock.ts'
import type { Log } from '../state/log.ts'
import { createWakeUp, ignoreAbort } from './wake-up.ts'

const helloAgainAfterMs = 10_000
const idleMs = 3_600_000
const minHelloGapMs = 1_000

/** The gateway's conversation with the platform: one session at a time, issued in answer to a hello. */
export interface PlatformLink {
  /** The present session, null while there is none. */
  session(): number | null
  /** The present session has confirmed that the device is ours under this assignment. */
  isConfirmed(deviceId: string, assignment: number): boolean
  /** Says hello again, for a device that the present session was not told of. */
  greetAgain(): void
  /** The next heartbeat comes no later than this. */
  beatWithin(ms: number): void
  /** False when it could not be handed to the broker; whoever needs it sends it again. */
  send(message: UpMessage): Promise<boolean>
  /** Hellos and heartbeats, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

export interface PlatformLinkOptions {
  channel: Channel
  clock: Clock
  log: Log
  version: string
  sealingKey?: SealingJwk
  setsPasswords?: boolean
  knownDevices: () => { deviceId: string; assignment: number; revision: number }[]
  sharesInUse: () => ShareInUse[]
  onWelcome: (welcome: Welcome) => void
  onSessionLost: () => void
  /** Messages of the present session only. */
  onMessage: (message: Exclude<DownMessage, { kind: 'welcome' | 'hello-again' }>) => void
}

export function createPlatformLink(options: PlatformLinkOptions): PlatformLink {
  const { channel, clock, log, version, knownDevices, sealingKey, setsPasswords } = options
  const wakeUp = createWakeUp(clock)
  let welcome: Welcome | null = null
  let confirmed = new Map<string, number>()
  let newestSession = -1
  let helloDueAtMs = Number.NEGATIVE_INFINITY
  let lastHelloAtMs = Number.NEGATIVE_INFINITY
  let beatDueAtMs = Number.NEGATIVE_INFINITY

  function loseSession(): void {
    const hadSession = welcome !== null
    welcome = null
    confirmed = new Map()
    if (hadSession) options.onSessionLost()
  }

  function beatWithin(ms: number): void {
    const atMs = clock.monotonic() + ms
    if (atMs >= beatDueAtMs) return
    beatDueAtMs = atMs
    wakeUp.wake()
  }

  function greetAgain(): void {
    loseSession()
    // A platform that keeps saying hello-again is not answered in a tight loop.
    helloDueAtMs = lastHelloAtMs + minHelloGapMs
    wakeUp.wake()
  }

  function connectionChanged(): void {
    loseSession()
    newestSession = -1
    helloDueAtMs = Number.NEGATIVE_INFINITY
    wakeUp.wake()
  }

  async function send(message: UpMessage): Promise<boolean> {
    if (!channel.connection.connected) return false
    try {
      await channel.publish(message)
      return true
    } catch (error) {
      log.debug({ err: error, kind: message.kind }, 'A message could not be sent')
      return false
    }
  }

  function receive(message: DownMessage): void {
    switch (message.kind) {
      case 'welcome':
        greeted(message)
        return
      case 'hello-again':
        if (welcome?.session === message.session) greetAgain()
        return
      default:
        if (welcome?.session !== message.session) return
        noteAssignments(message)
        options.onMessage(message)
    }
  }

  /** A desired state is sent to the device's own gateway only, so it confirms; one that comes late takes nothing back. */
  function noteAssignments(message: DownMessage): void {
    if (message.kind === 'desired') {
      for (const { deviceId, assignment } of message.devices) {
        confirmed.set(deviceId, Math.max(assignment, confirmed.get(deviceId) ?? 0))
      }
    }
    if (message.kind === 'unassigned') for (const deviceId of message.deviceIds) confirmed.delete(deviceId)
  }

  function greeted(message: Welcome): void {
    const isOurs = message.connectionId === channel.connection.connectionId
    // Hellos and welcomes may be doubled on the way: only the newest session is alive at the platform.
    if (!isOurs || message.session <= newestSession) return
    loseSession()
    welcome = message
    beatDueAtMs = Number.NEGATIVE_INFINITY
    newestSession = message.session
    confirmed = new Map(message.assignments.map(({ deviceId, assignment }) => [deviceId, assignment]))
    log.info({ session: message.session, devices: confirmed.size }, 'The platform welcomed this gateway')
    options.onWelcome(message)
    wakeUp.wake()
  }

  /** Says what is due and gives the time until something is due again. */
  async function turn(): Promise<number> {
    const { connectionId } = channel.connection
    if (connectionId === null) return idleMs
    const nowMs = clock.monotonic()
    if (welcome) {
      if (nowMs < beatDueAtMs) return beatDueAtMs - nowMs
      beatDueAtMs = nowMs + welcome.heartbeatSeconds * 1000
      await send({ kind: 'heartbeat', connectionId, session: welcome.session, shares: options.sharesInUse() })
      return Math.max(0, beatDueAtMs - clock.monotonic())
    }
    if (nowMs < helloDueAtMs) return helloDueAtMs - nowMs
    lastHelloAtMs = nowMs
    helloDueAtMs = nowMs + helloAgainAfterMs
    await send({
      kind: 'hello',
      connectionId,
      version,
      devices: knownDevices(),
      sealingKey,
      setsPasswords,
      confirmsShares: true,
    })
    return helloAgainAfterMs
  }

  return {
    session: () => welcome?.session ?? null,
    isConfirmed: (deviceId, assignment) => confirmed.get(deviceId) === assignment,
    greetAgain,
    beatWithin,
    send,
    async run(signal) {
      const ends = [channel.onMessage(receive), channel.onConnection(connectionChanged)]
      try {
        while (!signal.aborted) {
          const dueInMs = await turn()
          await wakeUp.wait(dueInMs, signal).catch(ignoreAbort(signal))
        }
      } finally {
        for (const end of ends) end()
      }
    },
  }
}
