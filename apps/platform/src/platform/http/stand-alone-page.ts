import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'

const read = (name: string | URL): string => readFileSync(new URL(name, import.meta.url), 'utf8')

/**
 * Serves a page of a person's that stands alone: nothing is loaded from anywhere, and only its own script and style run. Those of
 * all such pages, `stand-alone-page.js` and `.css`, come before what stands in the file's own `<script>` and `<style>`.
 */
export function serveStandAlonePage(app: FastifyInstance, { path, file }: { path: string; file: URL }): void {
  const page = read(file)
    .replace('<style>\n', () => `<style>\n${read('./stand-alone-page.css')}`)
    .replace('<script>\n', () => `<script>\n${read('./stand-alone-page.js')}`)
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(page, 'script')}`,
    `style-src ${hashOf(page, 'style')}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  app.get(path, { schema: { hide: true } as object }, async (_request, reply) =>
    reply
      .header('content-security-policy', policy)
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .header('x-frame-options', 'DENY')
      .header('cross-origin-opener-policy', 'same-origin')
      .type('text/html; charset=utf-8')
      .send(page),
  )
}

/** Of what stands between the tags, as browsers hash it (CSP level 3, 6.7.2.3). */
function hashOf(page: string, tag: 'script' | 'style'): string {
  const content = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)?.[1] ?? ''
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}
