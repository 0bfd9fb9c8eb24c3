import { isIP } from 'node:net'
import { isLinkLocal } from '@ocelli/camera-http'

const DEVICE_SERVICE_PATHS = ['/', '/onvif/device_service']
const MAX_ORIGINS = 16

/**
 * Where a camera that answered from `sender` can be reached, best first: https before http, and the address that it answered from
 * before others. Cameras report stale, private and loopback addresses, so one of the sender's own family is believed only
 * where the sender is among them; else the sender takes its place. A path is kept when it is not the usual one. Link-local
 * IPv6 addresses mean nothing without an interface, which a URL cannot carry, and are left out.
 */
export function cameraOrigins(xAddrs: readonly string[], sender: string): string[] {
  const from = plainHost(sender)
  const reported = xAddrs.flatMap((text) => readXAddr(text, from)).slice(0, MAX_ORIGINS)
  const isOwn = ({ host }: Reported) => host === from
  const isOther = ({ host }: Reported) => familyOf(host) !== familyOf(from)
  const isSenderTold = reported.some(isOwn)
  const guessed = isSenderTold || isLinkLocal(from) ? [] : guessAt(from, reported)
  const believed = isLinkLocal(from) || isSenderTold ? reported : [...guessed, ...reported.filter(isOther)]
  const ordered = believed.toSorted((a, b) => Number(isOwn(b)) - Number(isOwn(a)) || rank(a) - rank(b))
  return [...new Set(ordered.map(({ address }) => address))]
}

type Reported = { host: string; address: string }

function readXAddr(text: string, sender: string): Reported[] {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return []
  const host = plainHost(url.hostname)
  if (isLinkLocal(host) || isUnspecified(host) || (isLoopback(host) && !isLoopback(sender))) return []
  return [{ host, address: addressOf(url) }]
}

/** The sender with the schemes, ports and paths that were told for its family. */
function guessAt(sender: string, reported: readonly Reported[]): Reported[] {
  const told = reported.filter(({ host }) => familyOf(host) === familyOf(sender))
  const urls = told.map(({ address }) => new URL(address))
  for (const url of urls) url.hostname = written(sender)
  if (urls.length === 0) urls.push(new URL(`http://${written(sender)}`))
  return urls.map((url) => ({ host: sender, address: addressOf(url) }))
}

function addressOf(url: URL): string {
  return DEVICE_SERVICE_PATHS.includes(url.pathname) ? url.origin : `${url.origin}${url.pathname}`
}

const plainHost = (host: string): string =>
  host
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
    .toLowerCase()
const written = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)
const familyOf = (host: string): number => isIP(host)
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\./.test(host)
const isUnspecified = (host: string): boolean => host === '0.0.0.0' || host === '::'
const rank = ({ address }: Reported): number => (address.startsWith('https:') ? 0 : 1)
