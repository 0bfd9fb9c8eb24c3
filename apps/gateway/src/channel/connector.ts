import type { UpMessage } from '@ocelli/contract'
import type { GatewayIdentity } from '../platform/gateway-identity.ts'
import type { Environment } from '../platform/proxy.ts'
import { type Clock, pause } from '../state/clock.ts'
import { describeError } from '../state/error-code.ts'
import type { Log } from '../state/log.ts'
import { type MqttConnection, openMqttConnection } from './mqtt-connection.ts'
import { isPortOpen } from './port-check.ts'
import { createRouteChoice, type RouteKind } from './route-choice.ts'

export interface ConnectorOptions {
  /** Read anew for each connection, because a renewal replaces it. */
  identity: () => GatewayIdentity
  /** The password where no client certificate is shown. */
  accessToken: (signal: AbortSignal) => Promise<string>
  env: Environment
  clock: Clock
  log: Log
  keepaliveSeconds?: number
  connectTimeoutMs?: number
}

/** Opens connections by the way that is open: MQTT on its own port, or inside HTTPS. */
export interface Connector {
  /** Throws what the last way threw: `platform-unreachable` and what an access token may throw. */
  open(request: OpenRequest): Promise<{ kind: RouteKind; mqtt: MqttConnection }>
  /** Resolves with a sentence when there is a better way than this one; never, once the signal aborts. */
  whenBetter(kind: RouteKind, signal: AbortSignal): Promise<string>
}

interface OpenRequest {
  connectionId: string
  onText: (text: string) => void
  signal: AbortSignal
}

export function createConnector(options: ConnectorOptions): Connector {
  const { identity, accessToken, env, clock, log, keepaliveSeconds = 30, connectTimeoutMs = 10_000 } = options
  const routes = createRouteChoice()

  async function openBy(kind: RouteKind, { connectionId, onText, signal }: OpenRequest): Promise<MqttConnection> {
    const { mqttUrl, mqttWebSocketUrl } = identity()
    const url = kind === 'direct' ? mqttUrl : mqttWebSocketUrl
    const password = url.startsWith('mqtts:') ? null : await accessToken(signal)
    const lastWill = JSON.stringify({ kind: 'gone', connectionId } satisfies UpMessage)
    return openMqttConnection({
      ...{ url, identity: identity(), password, lastWill, env, keepaliveSeconds, connectTimeoutMs, onText, signal },
    })
  }

  return {
    async open(request) {
      const [first, second] = routes.order()
      const mqtt = await openBy(first, request).catch((error: unknown) => {
        request.signal.throwIfAborted()
        log.info({ route: first, error: describeError(error) }, 'One way to the platform is closed')
        return null
      })
      const opened = mqtt ? { kind: first, mqtt } : { kind: second, mqtt: await openBy(second, request) }
      routes.connected(opened.kind)
      return opened
    },
    async whenBetter(kind, signal) {
      while (kind === 'web-socket' && !signal.aborted) {
        await pause(clock, routes.lookAgainAfterMs(), signal)
        if (await isPortOpen(identity().mqttUrl, { timeoutMs: connectTimeoutMs, signal })) {
          routes.directLooksOpen()
          return 'the direct way looks open again'
        }
        routes.directLooksClosed()
      }
      return new Promise(() => undefined)
    },
  }
}
