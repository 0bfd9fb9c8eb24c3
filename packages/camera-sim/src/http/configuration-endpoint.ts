import type { InstalledApp } from '../apps/app.ts'
import type { AppStore } from '../apps/app-store.ts'
import { configurationPath } from '../apps/operations.ts'
import type { Gatekeeper } from '../auth/gatekeeper.ts'
import type { LoggedRequest } from '../request-log.ts'
import type { Exchange } from './exchange.ts'
import { readBody } from './read-body.ts'
import { answerVerdict } from './soap-endpoint.ts'

export interface ConfigurationEndpointOptions {
  gatekeeper: Gatekeeper
  store: AppStore
  hasConfiguration: (appId: string) => boolean
  onWrite: () => void
}

const maxBytes = 2 ** 20
const versionMismatch = 521

/**
 * Backup and restore of an app's configuration at the URI that AppInfo names: GET hands it out, POST takes it back. What
 * another major version of the app wrote is not taken.
 */
export async function answerConfiguration(
  exchange: Exchange,
  options: ConfigurationEndpointOptions & { entry: LoggedRequest },
): Promise<void> {
  const { entry, store } = options
  const { method, target, path, request } = exchange
  const { authorization } = request.headers
  entry.operation = method === 'POST' ? 'RestoreConfiguration' : 'SaveConfiguration'
  entry.credentials = authorization === undefined ? 'none' : 'digest'
  const asked = { access: 'WRITE_SYSTEM', method, target, authorization, security: undefined, isSoap: false } as const
  const verdict = options.gatekeeper.authorize(asked)
  entry.authenticated = verdict.kind === 'granted'
  const denial = answerVerdict(verdict)
  if (denial !== null) return exchange.reply(denial)
  const app = store.find(decodeURIComponent(path.slice(configurationPath.length)))
  if (!app || app.state === 'Installing' || !options.hasConfiguration(app.appId)) return exchange.reply({ status: 404 })
  if (method === 'GET') return exchange.reply({ status: 200, type: 'application/octet-stream', body: written(app) })
  if (method !== 'POST') return exchange.reply({ status: 405, headers: { Allow: 'GET, POST' } })
  options.onWrite()
  exchange.acceptBody()
  const body = await readBody(request, maxBytes)
  if (body === null) return exchange.reply({ status: 413, headers: { Connection: 'close' } })
  const [head, ...lines] = body.split('\n')
  if (head !== headOf(app)) return exchange.reply({ status: versionMismatch })
  app.configuration = lines.join('\n')
  store.touch()
  return exchange.reply({ status: 200 })
}

const headOf = ({ appId, version }: InstalledApp): string => `configuration of ${appId} ${version.split('.')[0]}`

const written = (app: InstalledApp): string => `${headOf(app)}\n${app.configuration ?? ''}`
