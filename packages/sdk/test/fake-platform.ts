import type { ServerResponse } from 'node:http'
import { json, problem, type Received, type Scene } from './scripted-server.ts'

/** How a change of one device goes. */
export type Course =
  /** Done after that many looks at it. */
  | { kind: 'settles'; afterLooks?: number }
  | { kind: 'fails'; category: string; afterLooks?: number }
  /** Accepted, and settles only when the test says so. */
  | { kind: 'hangs'; queued?: boolean }
  | { kind: 'refuses'; status: number; code: string }
  | { kind: 'other'; scene: Scene }

interface Row {
  state: 'NOT_INSTALLED' | 'PENDING' | 'INSTALLED' | 'INSTALLATION_FAILED'
  settled: boolean
  queued: boolean
  looksLeft: number
  error: object | null
  failsWith: string | null
}

export interface FakePlatform {
  scene: Scene
  /** Changes that were carried out, by device, in order. */
  readonly carriedOut: string[]
  readonly looks: string[]
  /** Most devices that were under way at once. */
  readonly mostInFlight: () => number
  settle(deviceId: string): void
  /** Tells the open event streams. */
  tell(deviceId: string): void
  /** Resolves when an event stream is open. */
  streamOpen: Promise<void>
}

/** As much of the platform as a batch sees: installing one app, with keys remembered, events if allowed. */
export function fakePlatform(
  courseOf: (deviceId: string, attempt: number) => Course,
  { hasEvents = false }: { hasEvents?: boolean } = {},
): FakePlatform {
  const rows = new Map<string, Row>()
  const answers = new Map<string, Scene>()
  const attempts = new Map<string, number>()
  const streams = new Set<ServerResponse>()
  const carriedOut: string[] = []
  const looks: string[] = []
  let most = 0
  let opened = () => {}
  const streamOpen = new Promise<void>((resolve) => {
    opened = resolve
  })

  const view = (deviceId: string, row: Row) => ({
    ...{ appId: 'app', deviceId, installationState: row.state, runningState: 'NOT_RUNNING', settled: row.settled },
    ...{
      queued: row.queued,
      error: row.error,
      targetVersion: '1.0',
      installedVersion: row.state === 'INSTALLED' ? '1.0' : null,
    },
  })
  const finish = (row: Row) => {
    row.settled = true
    row.queued = false
    row.state = row.failsWith ? 'INSTALLATION_FAILED' : 'INSTALLED'
    row.error = row.failsWith
      ? {
          category: row.failsWith,
          code: `${row.failsWith}-code`,
          detail: 'It failed.',
          deviceCode: null,
          retryable: false,
          at: '',
        }
      : null
  }
  const accept = (deviceId: string, course: Course & { kind: 'settles' | 'fails' | 'hangs' }): Scene => {
    if (rows.get(deviceId)?.state === 'INSTALLED') return json(view(deviceId, rows.get(deviceId) as Row))
    carriedOut.push(deviceId)
    const row: Row = {
      ...{ state: 'PENDING', settled: false, error: null, queued: course.kind === 'hangs' && course.queued === true },
      looksLeft: course.kind === 'hangs' ? Number.POSITIVE_INFINITY : (course.afterLooks ?? 1),
      failsWith: course.kind === 'fails' ? course.category : null,
    }
    rows.set(deviceId, row)
    const inFlight = [...rows.values()].filter(({ settled }) => !settled).length
    most = Math.max(most, inFlight)
    return json(view(deviceId, row), { status: 202 })
  }
  const change = (deviceId: string, received: Received): Scene => {
    const key = String(received.headers['idempotency-key'])
    const known = answers.get(key)
    if (known) return known
    const attempt = (attempts.get(deviceId) ?? 0) + 1
    attempts.set(deviceId, attempt)
    const course = courseOf(deviceId, attempt)
    if (course.kind === 'other') return course.scene
    const answer = course.kind === 'refuses' ? problem(course.status, course.code) : accept(deviceId, course)
    answers.set(key, answer)
    return answer
  }
  const look = (deviceId: string): Scene => {
    looks.push(deviceId)
    const row = rows.get(deviceId)
    if (!row) return json({ ...view(deviceId, { state: 'NOT_INSTALLED', settled: true } as Row), error: null })
    row.looksLeft--
    if (!row.settled && row.looksLeft <= 0) finish(row)
    return json(view(deviceId, row))
  }
  const stream: Scene = (response) => {
    if (!hasEvents)
      return problem(403, 'permission-missing', { requiredPermission: 'audit:view' })(response, {} as Received)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 3000\nid: 1-0\n\n', () => opened())
    streams.add(response)
  }
  return {
    scene(response, received) {
      if (received.url.startsWith('/events/')) return stream(response, received)
      const deviceId = decodeURIComponent(/devices\/([^/?]+)/.exec(received.url)?.[1] ?? '')
      const scene = received.method === 'GET' ? look(deviceId) : change(deviceId, received)
      return scene(response, received)
    },
    ...{ carriedOut, looks, streamOpen },
    mostInFlight: () => most,
    settle(deviceId) {
      const row = rows.get(deviceId)
      if (row) finish(row)
    },
    tell(deviceId) {
      const event = { eventId: '2-1', type: 'installation.state-changed', deviceId, appId: 'app' }
      for (const response of streams) response.write(`id: 2-1\ndata: ${JSON.stringify(event)}\n\n`)
    },
  }
}
