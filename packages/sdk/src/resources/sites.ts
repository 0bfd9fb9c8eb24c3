import type { EnrollmentToken, Site, SiteBody, SitePatch } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

const one = '/device/v1/sites/{siteId}'

/** Places with one local network. */
export const siteMethods = (api: Api) => ({
  list: api.route(
    'GET /device/v1/sites',
    (send) =>
      (options?: CallOptions): Promise<Site[]> =>
        send.list({}, options),
  ),
  create: api.route(
    'POST /device/v1/sites',
    (send) =>
      (site: SiteBody, options?: CallOptions): Promise<Site> =>
        send.json({ json: site }, options),
  ),
  get: api.route(
    `GET ${one}`,
    (send) =>
      (siteId: string, options?: CallOptions): Promise<Site> =>
        send.json({ params: { siteId } }, options),
  ),
  change: api.route(
    `PATCH ${one}`,
    (send) =>
      (siteId: string, patch: SitePatch, options?: CallOptions): Promise<Site> =>
        send.json({ params: { siteId }, json: patch }, options),
  ),
  remove: api.route(
    `DELETE ${one}`,
    (send) =>
      (siteId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { siteId } }, options),
  ),
  /** A token that enrolls one gateway within an hour. Shown this one time. */
  createEnrollmentToken: api.route(
    `POST ${one}/enrollment-tokens`,
    (send) =>
      (siteId: string, options?: CallOptions): Promise<EnrollmentToken> =>
        send.json({ params: { siteId } }, options),
    { ignoresKey: true },
  ),
})
