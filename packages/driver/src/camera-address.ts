import { isIPv6 } from 'node:net'

/**
 * Where to look for a camera that a person named: a bare host on https, then on http; a URL as it is, without its path.
 * Throws RangeError.
 */
export function cameraAddresses(text: string): string[] {
  const named = text.trim()
  if (/^https?:\/\//i.test(named)) return [originOf(named, named)]
  if (named === '' || named.includes('://')) throw notAnAddress(named)
  const host = isIPv6(named) ? `[${named}]` : named
  return [originOf(`https://${host}`, named), originOf(`http://${host}`, named)]
}

function originOf(url: string, named: string): string {
  if (named.includes('@')) {
    // Not quoted: what stands before the sign may be a password.
    throw new RangeError('An address must not hold a user name or password: use --user.')
  }
  if (/\s/.test(url) || !URL.canParse(url)) throw notAnAddress(named)
  return new URL(url).origin
}

const notAnAddress = (named: string) =>
  new RangeError(`"${named}" is no address of a camera, such as 192.168.1.20 or https://192.168.1.20`)
