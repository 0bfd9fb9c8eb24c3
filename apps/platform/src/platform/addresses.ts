import { type Config, servesHttps } from './config.ts'

/** Where the outside reaches us: said by the operator, else derived from what we listen on. */
export function addresses(config: Config): {
  publicUrl: string
  mqttUrl: string
  mqttWebSocketUrl: string
  names: string[]
} {
  const publicUrl = config.publicUrl ?? localUrl(config, servesHttps(config))
  const { hostname } = new URL(publicUrl)
  const mqttUrl = config.mqttPublicUrl ?? `mqtts://${hostname}:${config.mqtt.port}`
  const bracketless = (host: string) => host.replace(/^\[|\]$/g, '')
  const names = [
    hostname,
    new URL(mqttUrl).hostname,
    config.http.host,
    config.mqtt.host,
    'localhost',
    '127.0.0.1',
    '::1',
  ]
  return {
    publicUrl,
    mqttUrl,
    mqttWebSocketUrl: `${publicUrl.replace(/^http/, 'ws')}/mqtt`,
    names: [...new Set(names.map(bracketless))].filter((name) => name !== '0.0.0.0' && name !== '::'),
  }
}

/** Where people and gateways on this machine reach it. */
export function localUrl({ http }: Config, isHttps: boolean): string {
  const host = http.host === '0.0.0.0' || http.host === '::' ? '127.0.0.1' : http.host
  return `${isHttps ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${http.port}`
}
