import { RecoveryKey, RecoveryKeyRequest } from '@ocelli/contract'
import { type AnyRoute, ok, route } from '../../platform/http/route.ts'
import { readRecoveryKey, setRecoveryKey } from './recovery-key-service.ts'

const path = '/account/v1/recovery-key'
const tag = 'Account'

export function recoveryKeyRoutes(): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path, access: 'devices:view', tag },
      summary: 'The public key that passwords of cameras are sealed to as well',
      responses: { 200: RecoveryKey },
      handle: async ({ context }) => ok(await readRecoveryKey(context)),
    }),
    route({
      ...{ method: 'PUT', path, access: 'account:settings', tag },
      summary: 'Set the public key that passwords of cameras are sealed to as well; null takes it away',
      description:
        'The private key stays with you. What was sealed to an earlier key stays readable with that one only: keep it.',
      body: RecoveryKeyRequest,
      responses: { 200: RecoveryKey },
      handle: async ({ context, body }) => ok(await setRecoveryKey(context, body.publicKey)),
    }),
  ]
}
