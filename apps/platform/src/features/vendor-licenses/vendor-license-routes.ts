import type { KeyFile } from '@ocelli/app-package'
import { VendorLicenseQuery, VendorLicenseUpload } from '@ocelli/contract'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { maxUploadBytes, receiveKeys } from './receive-keys.ts'
import { storeVendorLicenses } from './vendor-license-service.ts'

/** License keys that a camera's vendor has issued. */
export function vendorLicenseRoutes({ wake }: { wake: () => void }): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/license/v1/vendor-licenses',
      access: 'apps:install',
      tag: 'Licenses',
      summary: "Store license keys of a camera's vendor: one key file, or a ZIP of up to 2,000",
      description:
        'The body is the file itself, of up to 8 MiB. Each key goes to the device that it names, else to the one that its file name names. The answer says of every file what became of it.',
      query: VendorLicenseQuery,
      consumes: 'application/octet-stream',
      responses: { 200: VendorLicenseUpload },
      bodyLimitBytes: maxUploadBytes,
      receive: receiveKeys,
      handle: async ({ context, query: { appId }, received }) =>
        ok(await storeVendorLicenses(context, { appId, files: received as KeyFile[], wake })),
    }),
  ]
}
