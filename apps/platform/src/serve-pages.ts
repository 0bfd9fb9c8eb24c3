import type { FastifyInstance } from 'fastify'
import { serveStandAlonePage } from './platform/http/stand-alone-page.ts'

/** The pages that people are sent to: to enter the code that a program shows, and to accept an invitation. */
export function servePages(app: FastifyInstance): void {
  const pages = {
    '/device': './features/device-sign-in/approval-page.html',
    '/invitation': './features/users/invitation-page.html',
  }
  for (const [path, file] of Object.entries(pages))
    serveStandAlonePage(app, { path, file: new URL(file, import.meta.url) })
}
