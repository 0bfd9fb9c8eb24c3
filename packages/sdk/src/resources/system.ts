import type { Health, KeySet } from '@ocelli/contract'
import type { Api, CallOptions } from '../http/api.ts'

/** The platform itself. */
export const systemMethods = (api: Api) => ({
  /** Public keys that licenses are verified with. */
  licenseKeys: api.route(
    'GET /.well-known/jwks.json',
    (send) =>
      (options?: CallOptions): Promise<KeySet> =>
        send.json({}, options),
    { isPublic: true },
  ),
  /** The platform's own CA, as PEM: for trusting its HTTPS and gateways. */
  caCertificate: api.route(
    'GET /.well-known/ocelli-ca.pem',
    (send) =>
      (options?: CallOptions): Promise<string> =>
        send.text({}, options),
    { isPublic: true },
  ),
  /** The process answers. */
  live: api.route(
    'GET /health/live',
    (send) =>
      (options?: CallOptions): Promise<Health> =>
        send.json({}, options),
    { isPublic: true },
  ),
  /** Whether everything that the platform needs answers; that it does not is an answer too, not an error. */
  ready: api.route(
    'GET /health/ready',
    (send) =>
      (options?: CallOptions): Promise<Health> =>
        send.json({ accepts: [503] }, options),
    { isPublic: true },
  ),
  /** Measurements for Prometheus, as text. */
  metrics: api.route(
    'GET /metrics',
    (send) =>
      (options?: CallOptions): Promise<string> =>
        send.text({}, options),
  ),
})
