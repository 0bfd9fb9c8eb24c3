import { driverNames } from '@ocelli/contract'
import type { Finding } from './discovery.ts'
import type { Driver } from './driver.ts'

const isLinkLocal = (host: string): boolean => /^fe[89ab][0-9a-f]:/i.test(host)

/**
 * One finding per camera, in the order in which they were seen first. Findings are of one camera when they share device id, MAC
 * address, endpoint reference, maker and serial number, or an address, in this order of weight, and nothing heavier tells
 * them apart: two cameras that had one address while it was looked stay two. What findings of a camera disagree on is told as
 * VAPIX has it, then as it was seen first.
 */
export function mergeFindings(findings: Iterable<Finding>): Finding[] {
  const merged = weights.reduce(
    (whole, { keysOf }, weight) => mergeBy(whole, keysOf, weights.slice(0, weight)),
    [...findings].map(normalized),
  )
  return merged.map(withReasons)
}

/** Says why an address that answered is none to reach the camera at, and which is taken instead. */
function withReasons({ leftOut: _, ...finding }: Finding): Finding {
  const [best] = finding.addresses
  const instead =
    best === undefined
      ? 'The camera told no other one: give it an IPv4 address or a routable IPv6 address, or ask its range.'
      : `${best} is used instead.`
  const leftOut = finding.answeredFrom.filter(isLinkLocal).map((address) => ({
    address,
    reason: `A link-local address holds on one interface of this machine only, so it cannot be a camera's address. ${instead}`,
  }))
  return leftOut.length === 0 ? finding : { ...finding, leftOut }
}

interface Weight {
  keysOf: (finding: Finding) => string[]
  /** Two cameras never share it, so different values tell them apart. */
  isUnique: boolean
}

const weights: Weight[] = [
  { keysOf: ({ deviceId }) => present(deviceId), isUnique: true },
  // Some makers give one endpoint reference to a whole production run, and a camera has more than one MAC address at times.
  { keysOf: (finding) => present(macKey(finding)), isUnique: true },
  { keysOf: ({ endpointReference }) => present(endpointReference), isUnique: true },
  { keysOf: serialKeys, isUnique: false },
  { keysOf: ({ addresses }) => addresses.map(placeOf), isUnique: false },
]

function mergeBy(findings: Finding[], keysOf: Weight['keysOf'], heavier: Weight[]): Finding[] {
  const groups = new Map<number, Finding>()
  const groupsAt = new Map<string, Set<number>>()
  for (const [index, finding] of findings.entries()) {
    const candidates = new Set(keysOf(finding).flatMap((key) => [...(groupsAt.get(key) ?? [])]))
    const kin: [number, Finding][] = []
    let whole = finding
    for (const candidate of [...candidates].sort((a, b) => a - b)) {
      const group = groups.get(candidate)
      if (group === undefined || !isCompatible(group, whole, heavier)) continue
      kin.push([candidate, group])
      whole = mergeTwo(group, whole)
    }
    for (const [at] of kin) groups.delete(at)
    const home = kin[0]?.[0] ?? index
    groups.set(home, [...kin.map(([, group]) => group), finding].reduce(mergeTwo))
    for (const key of keysOf(whole)) groupsAt.set(key, (groupsAt.get(key) ?? new Set()).add(home))
  }
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group)
}

function isCompatible(one: Finding, other: Finding, heavier: Weight[]): boolean {
  return heavier.every(({ keysOf, isUnique }) => {
    const [left, right] = [keysOf(one), keysOf(other)]
    return !isUnique || left.length === 0 || right.length === 0 || left.some((key) => right.includes(key))
  })
}

function mergeTwo(one: Finding, other: Finding): Finding {
  const [first, second] = rankOf(other) < rankOf(one) ? [other, one] : [one, other]
  const firstKnown = <Key extends keyof Finding>(key: Key): Finding[Key] => first[key] ?? second[key]
  return {
    addresses: union(first.addresses, second.addresses),
    answeredFrom: union(first.answeredFrom, second.answeredFrom),
    manufacturer: firstKnown('manufacturer'),
    model: firstKnown('model'),
    firmwareVersion: firstKnown('firmwareVersion'),
    serialNumber: firstKnown('serialNumber'),
    macAddress: firstKnown('macAddress'),
    endpointReference: firstKnown('endpointReference'),
    deviceId: firstKnown('deviceId'),
    // A camera that can run apps over one protocol can run apps.
    runsApps: first.runsApps === true || second.runsApps === true ? true : firstKnown('runsApps'),
    needsFirstPassword: firstKnown('needsFirstPassword'),
    clockOffsetMs: firstKnown('clockOffsetMs'),
    drivers: union(first.drivers, second.drivers).sort(byOrder),
    foundBy: union(first.foundBy, second.foundBy),
  }
}

function normalized(finding: Finding): Finding {
  return {
    ...finding,
    addresses: union(finding.addresses, []),
    drivers: union(finding.drivers, []).sort(byOrder),
    macAddress: normalMac(finding.macAddress),
    endpointReference: finding.endpointReference?.trim().toLowerCase() || null,
    serialNumber: finding.serialNumber?.trim() || null,
  }
}

/** `AC:CC:8E:12:34:56`, however it is written; null for what is no MAC address or stands for none. */
export function normalMac(text: string | null): string | null {
  const digits = text?.replace(/[^0-9a-f]/gi, '').toUpperCase() ?? ''
  if (digits.length !== 12 || /^(0+|F+)$/.test(digits)) return null
  return (digits.match(/../g) ?? []).join(':')
}

/** Some makers use the MAC address as serial number and show only one of the two. */
function macKey({ macAddress, serialNumber }: Finding): string | null {
  return macAddress ?? (/^[0-9a-f]{12}$/i.test(serialNumber ?? '') ? normalMac(serialNumber) : null)
}

/** A serial number is unique within its maker at best, and a maker is written in many ways: only both alike are one. */
function serialKeys({ manufacturer, serialNumber }: Finding): string[] {
  const maker = manufacturer?.trim().toLowerCase() ?? ''
  return maker === '' || serialNumber === null ? [] : [JSON.stringify([maker, serialNumber.toLowerCase()])]
}

/** http and https of one host are one camera; other ports are forwarded, each to a camera of its own. */
function placeOf(address: string): string {
  if (!URL.canParse(address)) return address
  const { hostname, port } = new URL(address)
  return port === '' ? hostname : `${hostname}:${port}`
}

const rankOf = ({ drivers }: Finding): number => Math.min(...drivers.map(orderOf), driverNames.length)
const orderOf = (name: Driver['name']): number => driverNames.indexOf(name)
const byOrder = (a: Driver['name'], b: Driver['name']): number => orderOf(a) - orderOf(b)
const present = (value: string | null): string[] => (value === null || value === '' ? [] : [value])
const union = <Item>(one: readonly Item[], other: readonly Item[]): Item[] => [...new Set([...one, ...other])]
