import { Bundle, BundleRequest, BundleSummary, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import type { LicenseKeys } from '../../platform/keys/instance-keys.ts'
import { createBundle, listBundles, readBundle } from './bundle-service.ts'

const path = '/license/v1/bundles'

/** Packages and licenses in one signed manifest, for cameras that no gateway reaches. */
export function bundleRoutes({ keys }: { keys: LicenseKeys }): AnyRoute[] {
  const shared = { access: 'apps:install', tag: 'Bundles' } as const
  return [
    route({
      ...shared,
      method: 'POST',
      path,
      summary: 'Make a bundle for offline cameras: all of its licenses are issued, or none',
      body: BundleRequest,
      responses: { 201: Bundle },
      handle: async ({ context, body }) => {
        const bundle = await createBundle(context, body, keys)
        return { status: 201, body: bundle, headers: { location: `${path}/${bundle.bundleId}` } }
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path,
      summary: 'Bundles, newest first',
      responses: { 200: Type.Array(BundleSummary) },
      handle: async ({ context }) => ok(await listBundles(context)),
    }),
    route({
      ...shared,
      method: 'GET',
      path: `${path}/:bundleId`,
      summary: 'A bundle with its manifest',
      params: Type.Object({ bundleId: Uuid }),
      responses: { 200: Bundle },
      handle: async ({ context, params }) => ok(await readBundle(context, params.bundleId)),
    }),
  ]
}
