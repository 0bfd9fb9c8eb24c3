import type {
  Bundle,
  BundleRequest,
  BundleSummary,
  ReceiptReported,
  SigningKey,
  SigningKeyRequest,
} from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

/** Packages and licenses in one signed manifest, for cameras that no gateway reaches. */
export const bundleMethods = (api: Api) => ({
  /** Newest first, without their manifests. */
  list: api.route(
    'GET /license/v1/bundles',
    (send) =>
      (options?: CallOptions): Promise<BundleSummary[]> =>
        send.list({}, options),
  ),
  /** Issues all of its licenses, or none. */
  create: api.route(
    'POST /license/v1/bundles',
    (send) =>
      (bundle: BundleRequest, options?: CallOptions): Promise<Bundle> =>
        send.json({ json: bundle }, options),
  ),
  get: api.route(
    'GET /license/v1/bundles/{bundleId}',
    (send) =>
      (bundleId: string, options?: CallOptions): Promise<Bundle> =>
        send.json({ params: { bundleId } }, options),
  ),
})

/** What was done to cameras that the platform does not reach. */
export const receiptMethods = (api: Api) => ({
  /** Reports a signed receipt; each of its entries is answered for itself. Errors: `receipt-invalid`. */
  report: api.route(
    'POST /license/v1/receipts',
    (send) =>
      (receipt: string, options?: CallOptions): Promise<ReceiptReported> =>
        send.json({ json: { receipt } }, options),
  ),
})

/** Keys that the caller signs receipts with, their public halves. */
export const signingKeyMethods = (api: Api) => ({
  list: api.route(
    'GET /account/v1/signing-keys',
    (send) =>
      (options?: CallOptions): Promise<SigningKey[]> =>
        send.list({}, options),
  ),
  /** What the key signs is from then on the caller's statement. Errors: `key-invalid`. */
  add: api.route(
    'POST /account/v1/signing-keys',
    (send) =>
      (key: SigningKeyRequest, options?: CallOptions): Promise<SigningKey> =>
        send.json({ json: key }, options),
  ),
  /** Receipts signed by it are refused from then on. */
  remove: api.route(
    'DELETE /account/v1/signing-keys/{keyId}',
    (send) =>
      (keyId: string, options?: CallOptions): Promise<void> =>
        send.nothing({ params: { keyId } }, options),
  ),
})
