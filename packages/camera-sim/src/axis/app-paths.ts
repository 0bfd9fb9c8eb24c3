import { readBody } from '../http/read-body.ts'
import type { AxisApp, AxisAppShelf } from './axis-app.ts'
import { type Cgi, htmlPage, plain } from './cgi.ts'
import type { OwnLicenses } from './own-license.ts'

const maxBodyBytes = 64 * 1024

/**
 * What an app answers at `/local/<name>/<path>`, for paths that its package declares: a POST is kept, when it is a license
 * that the app believes. Null for any other path.
 */
export function findAppPath(
  path: string,
  { shelf, licenses }: { shelf: AxisAppShelf; licenses: OwnLicenses },
): Cgi | null {
  const [, name = '', rest = ''] = /^\/local\/([^/]+)\/(.+)$/.exec(path) ?? []
  const app = shelf.find(name)
  if (app === undefined || !app.httpPaths.some((own) => rest === own || rest.startsWith(`${own}/`))) return null
  return {
    operation: 'local',
    needs: 'administrator',
    isWrite: true,
    async run({ exchange }) {
      if (exchange.method !== 'POST') return plain(app.received.get(rest) ?? '')
      exchange.acceptBody()
      const text = await readBody(exchange.request, maxBodyBytes)
      return text === null ? htmlPage(413, 'Request Entity Too Large') : keep(app, { rest, text, licenses })
    },
  }
}

async function keep(app: AxisApp, given: { rest: string; text: string; licenses: OwnLicenses }) {
  const refusal = await given.licenses.refusal(app, given.text)
  if (refusal !== null) return { ...plain(`${refusal}\n`), status: 400 }
  app.received.set(given.rest, given.text)
  return plain('OK\n')
}
