import type { PlatformProcess } from './platform-process.ts'

const histogram = 'ocelli_http_request_duration_seconds'

interface ServerTime {
  count: number
  seconds: number
  /** How many took no longer than the seconds that are the key. */
  within: Map<number, number>
}

/** What the platform's own clock says of a route's successful answers so far, from the request's head to the answer's last byte. */
async function readServerTime({ url, accessToken }: PlatformProcess, route: string): Promise<ServerTime> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${accessToken}` } })
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`)
  const time: ServerTime = { count: 0, seconds: 0, within: new Map() }
  for (const line of (await answer.text()).split('\n')) {
    if (!line.startsWith(histogram) || !line.includes(`route="${route}"`) || !line.includes('status="200"')) continue
    const value = Number(line.slice(line.lastIndexOf(' ') + 1))
    const bound = /le="([^"]+)"/.exec(line)?.[1]
    if (line.startsWith(`${histogram}_sum`)) time.seconds = value
    else if (line.startsWith(`${histogram}_count`)) time.count = value
    else if (bound !== undefined) time.within.set(Number(bound), value)
  }
  return time
}

/** Mean server time of what `work` asks for, in ms, and the share of it that took at most `boundMs`. */
export async function measureServerTime(
  platform: PlatformProcess,
  { route, boundMs }: { route: string; boundMs: number },
  work: () => Promise<void>,
): Promise<{ meanMs: number; shareWithin: number }> {
  const before = await readServerTime(platform, route)
  await work()
  const after = await readServerTime(platform, route)
  const count = after.count - before.count
  const within = (after.within.get(boundMs / 1000) ?? 0) - (before.within.get(boundMs / 1000) ?? 0)
  return { meanMs: (1000 * (after.seconds - before.seconds)) / count, shareWithin: within / count }
}
