import type { Agent } from 'node:http'
import { isIP } from 'node:net'
import { HttpsProxyAgent } from 'https-proxy-agent'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The agent that goes through HTTPS_PROXY (HTTP_PROXY for plain http), or undefined where a request goes direct:
 * no proxy named, loopback, or a host in NO_PROXY. Lower-case names count first, as curl has it.
 */
export function proxyAgentFor(url: URL, env: Environment): Agent | undefined {
  const isSecure = url.protocol === 'https:' || url.protocol === 'wss:'
  const proxy = isSecure ? env.https_proxy || env.HTTPS_PROXY : env.http_proxy || env.HTTP_PROXY
  if (!proxy || isLoopback(url.hostname) || isExempt(url, env.no_proxy || env.NO_PROXY || '')) return undefined
  return new HttpsProxyAgent(proxy.includes('://') ? proxy : `http://${proxy}`)
}

function isExempt({ hostname, port }: URL, list: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      if (isIP(entry) === 6) return entry.toLowerCase() === host
      const [, name = '', entryPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.toLowerCase()) ?? []
      if (entryPort !== undefined && entryPort !== port) return false
      const suffix = name.replace(/^\*?\./, '')
      return host === suffix || (isIP(host) === 0 && host.endsWith(`.${suffix}`))
    })
}

export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
