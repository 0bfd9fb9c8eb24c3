import { isIPv6 } from 'node:net'
import { type AddressRanges, askConcurrently, isLinkLocal, openOrigins, readAddressRanges } from '@ocelli/camera-http'
import { type DiscoverOptions, DriverError, type Finding, normalMac } from '@ocelli/driver'
import { connectTo, type DriverSettings } from '../connect.ts'
import { describeOpenly, type OpenDescription } from '../probe-camera.ts'
import type { Announcement } from './announcement.ts'
import { type HearOptions, hearAnnouncements } from './hear-announcements.ts'

export type DiscoverySettings = Omit<DriverSettings, 'timeoutMs' | 'connectTimeoutMs'> & {
  hear?: Pick<HearOptions, 'ports' | 'interfaces'>
}

// A camera waits for a second at most before it answers an M-SEARCH with MX: 1.
const WAIT_MS = 3_000
/** Addresses asked at a time, and how long one where nobody is may take. */
const ASKED_AT_A_TIME = 100
const PORT_TIMEOUT_MS = 1_500
/** For one answer of what takes connections. */
const ANSWER_LIMITS = { timeoutMs: 4_000, connectTimeoutMs: 2_000 }

/** Finds Axis cameras without a login; see `Discover`. First by multicast DNS and SSDP, then those addresses that were not found so. */
export function discoverVapix(options: DiscoverOptions, settings: DiscoverySettings): AsyncIterable<Finding> {
  return discover(readAddressRanges(options.ranges), options, settings)
}

async function* discover(
  ranges: AddressRanges,
  options: DiscoverOptions,
  settings: DiscoverySettings,
): AsyncGenerator<Finding, void, void> {
  const { signal, onProgress, skip = () => false } = options
  const { announced, trouble } = await hear(options, settings)
  const describe = describer(options, settings)
  const known = new Set<string>()
  const fromMulticast = askConcurrently(announced, {
    ...{ concurrency: ASKED_AT_A_TIME, signal },
    ask: async (group, until) => {
      const described = group.origins.some(skip) ? null : await describe(group.origins, until)
      return { group, described: isToldOf(group, described) ? described : null }
    },
  })
  for await (const { group, described } of fromMulticast) {
    for (const origin of group.origins) known.add(origin)
    yield toFinding({ ...group, described })
  }
  let asked = 0
  const fromRanges = askConcurrently(ranges, {
    ...{ concurrency: ASKED_AT_A_TIME, signal },
    onAsked: () => onProgress?.({ asked: ++asked, total: ranges.total }),
    ask: async ({ origins }, until) => {
      if (origins.some((origin) => known.has(origin) || skip(origin))) return null
      const described = await describe(origins, until)
      return described === null ? null : toFinding({ origins, described, answers: [] })
    },
  })
  yield* fromRanges
  if (trouble !== null) throw trouble
}

type Group = { origins: string[]; answers: Announcement[] }
type Described = { address: string; description: OpenDescription } | null

/** What showed itself, by place; `trouble` is what kept the question from being sent, so that ranges are still asked. */
async function hear({ multicast, signal, waitMs = WAIT_MS }: DiscoverOptions, { hear: where }: DiscoverySettings) {
  const nothing = { announced: [] as Group[], trouble: null }
  if (!multicast) return nothing
  try {
    const announcements = await hearAnnouncements({ ...where, signal, waitMs })
    const places = Object.groupBy(announcements, ({ host, port }) => `${host} ${isLinkLocal(host) ? '' : port}`)
    const announced = Object.values(places).map((answers = []) => ({ origins: originsOfAnswers(answers), answers }))
    return { announced, trouble: null }
  } catch (error) {
    if (!(error instanceof DriverError)) throw error
    return { ...nothing, trouble: error }
  }
}

/**
 * Where to ask what answered from one host: there. A link-local address means nothing without an interface, which a URL cannot carry:
 * then at the addresses that it told, which is why `isToldOf` looks who answers.
 */
function originsOfAnswers(answers: readonly Announcement[]): string[] {
  const origins = answers.flatMap(({ host, port, told }) =>
    (isLinkLocal(host) ? told : [host]).flatMap((each) => originsOf(each, port)),
  )
  return [...new Set(origins)]
}

function originsOf(host: string, port: number | null): string[] {
  const name = isIPv6(host) ? `[${host}]` : host
  const isUsual = port === null || port === 80 || port === 443
  return isUsual ? [`https://${name}`, `http://${name}`] : [`http://${name}:${port}`, `https://${name}:${port}`]
}

/** Anybody can tell the address of somebody else's camera. */
function isToldOf({ answers }: Group, described: Described): boolean {
  const serialNumbers = answers.flatMap(({ host, serialNumber }) => (isLinkLocal(host) ? (serialNumber ?? []) : []))
  const found = described?.description.serialNumber ?? null
  return serialNumbers.length === 0 || found === null || serialNumbers.includes(found)
}

/** Asks the origins that take connections one after the other until an Axis camera answers. Throws the signal's reason alone. */
function describer({ allowLegacyTls = false }: DiscoverOptions, settings: DiscoverySettings) {
  return async (origins: readonly string[], signal: AbortSignal): Promise<Described> => {
    const place = { host: '', origins: [...origins] }
    for (const address of await openOrigins(place, { connectTimeoutMs: PORT_TIMEOUT_MS, signal })) {
      const tls = { pinnedSha256: null, allowLegacy: allowLegacyTls }
      const { camera } = connectTo({ address, credentials: null, tls }, { ...settings, ...ANSWER_LIMITS })
      try {
        const description = await describeOpenly(camera, { signal })
        if (description !== null) return { address, description }
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof DriverError)) throw error
      }
    }
    signal.throwIfAborted()
    return null
  }
}

function toFinding({ origins, answers, described }: Group & { described: Described }): Finding {
  const told = described?.description ?? null
  const serialNumber = told?.serialNumber ?? answers.find((each) => each.serialNumber !== null)?.serialNumber ?? null
  return {
    addresses: described === null ? origins.slice(-1) : [described.address],
    answeredFrom: [...new Set(answers.map(({ host }) => host))],
    manufacturer: told?.manufacturer ?? 'AXIS',
    model: told?.model ?? null,
    firmwareVersion: told?.firmwareVersion ?? null,
    serialNumber,
    macAddress: normalMac(serialNumber),
    endpointReference: null,
    deviceId: null,
    runsApps: told?.runsApps ?? null,
    needsFirstPassword: told?.needsFirstPassword ?? null,
    clockOffsetMs: told?.clockOffsetMs ?? null,
    drivers: ['vapix'],
    foundBy: answers.length === 0 ? ['address'] : [...new Set(answers.map(({ foundBy }) => foundBy))],
  }
}
