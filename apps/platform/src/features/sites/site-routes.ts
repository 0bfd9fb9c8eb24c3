import { EnrollmentToken, Site, SiteBody, SitePatch, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, created, noContent, ok, route } from '../../platform/http/route.ts'
import type { GatewayShare } from './share-store.ts'
import { changeSite, createEnrollmentToken, createSite, listSites, readSite, removeSite } from './site-service.ts'

const params = Type.Object({ siteId: Uuid })
const tag = 'Sites'

export interface SiteRoutesDeps {
  caFingerprint: string
  tellShares: (shares: GatewayShare[]) => void
  nowMs: () => number
}

export function siteRoutes(deps: SiteRoutesDeps): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path: '/device/v1/sites', access: 'devices:view', tag, summary: 'List the sites' },
      responses: { 200: Type.Array(Site) },
      handle: async ({ context }) => ok(await listSites(context)),
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/sites', access: 'devices:edit', tag, summary: 'Make a site' },
      body: SiteBody,
      responses: { 201: Site },
      handle: async ({ context, body }) => created(await createSite(context, body)),
    }),
    route({
      ...{ method: 'GET', path: '/device/v1/sites/:siteId', access: 'devices:view', tag, summary: 'Read a site' },
      params,
      responses: { 200: Site },
      handle: async ({ context, params: { siteId } }) => ok(await readSite(context, siteId)),
    }),
    route({
      ...{ method: 'PATCH', path: '/device/v1/sites/:siteId', access: 'devices:edit', tag, summary: 'Change a site' },
      params,
      body: SitePatch,
      responses: { 200: Site },
      async handle({ context, params: { siteId }, body }) {
        const { site, shares } = await changeSite(context, siteId, { body, nowMs: deps.nowMs() })
        context.afterCommit(() => deps.tellShares(shares))
        return ok(site)
      },
    }),
    route({
      ...{ method: 'DELETE', path: '/device/v1/sites/:siteId', access: 'devices:edit', tag, summary: 'Remove a site' },
      params,
      responses: { 204: null },
      async handle({ context, params: { siteId } }) {
        await removeSite(context, siteId)
        return noContent()
      },
    }),
    route({
      ...{ method: 'POST', path: '/device/v1/sites/:siteId/enrollment-tokens', access: 'devices:edit', tag },
      summary: 'Make an enrollment token for a gateway of the site',
      description: 'Works once, within an hour. Shown this one time.',
      params,
      // a stored answer would keep the secret in the clear
      idempotent: false,
      responses: { 201: EnrollmentToken },
      handle: async ({ context, params: { siteId } }) => created(await createEnrollmentToken(context, siteId, deps)),
    }),
  ]
}
