import { type Static, Type } from 'typebox'
import { nullable, oneOf } from './schema.ts'

export const problemCodes = [
  'invalid-request',
  'unauthenticated',
  'token-expired',
  'permission-missing',
  'not-found',
  'no-free-license',
  'order-required',
  'trial-used',
  'device-offline',
  'device-unclaimed',
  'app-not-installed',
  'incompatible',
  'downgrade',
  'claimed-elsewhere',
  'identity-conflict',
  'licenses-held',
  'license-conflict',
  'units-in-use',
  'idempotency-key-reused',
  'idempotency-key-in-use',
  'request-timeout',
  'too-many-requests',
  'unavailable',
  'internal',
  // beyond api.md's list: refusals of calls that api.md leaves to us
  'package-invalid',
  'package-unsigned',
  'package-not-newer',
  'package-other-signer',
  'package-foreign-app',
  'package-ambiguous',
  'already-exists',
  'license-expired',
  'vendor-license-missing',
  'key-invalid',
  'grant-invalid',
  'grant-used',
  'receipt-invalid',
  'state-conflict',
  'limit-reached',
  'took-too-long',
  'last-administrator',
  'headers-too-large',
  'payload-too-large',
  'unsupported-media-type',
  'range-not-satisfiable',
] as const
export const ProblemCode = oneOf(problemCodes)
export type ProblemCode = Static<typeof ProblemCode>

/** RFC 9457 problem+json, with a stable code. */
export const Problem = Type.Object(
  {
    type: Type.String({ examples: ['urn:ocelli:problem:no-free-license'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String(),
    code: ProblemCode,
    requestId: Type.String(),
    retryable: Type.Boolean(),
    retryAfterSeconds: nullable(Type.Integer()),
    requiredPermission: nullable(Type.String()),
    errors: Type.Array(Type.Object({ pointer: Type.String(), code: Type.String(), detail: Type.String() })),
  },
  { $id: 'Problem' },
)
export type Problem = Static<typeof Problem>
