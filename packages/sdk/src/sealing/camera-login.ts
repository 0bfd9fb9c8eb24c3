import type { SealingJwk } from '@ocelli/contract'
import { sealFor } from './seal.ts'

/** What logs in to a camera. */
export interface CameraLoginSecret {
  user: string
  password: string
}

/** The one thing that a sealed login may be opened for; nobody on the way can turn it to another camera. */
export type SealingPurpose =
  | { kind: 'claim'; gatewayId: string; address: string }
  | { kind: 'credentials'; gatewayId: string; deviceId: string }
  /** `allowHttp`: the new password may go to a camera that is reached without TLS, where its network can read it. */
  | { kind: 'password'; gatewayId: string; deviceId: string; allowHttp?: boolean }
  /** `place`: the address or deviceId of the same login's claim or change. */
  | { kind: 'recovery'; accountId: string; place: string }

/**
 * Seals a camera's login, for a gateway (its `sealingKey`) or for the account's recovery key. Its length tells nothing of the
 * password's. Throws `invalid-options`.
 */
export async function sealCameraLogin(
  publicKey: SealingJwk,
  { user, password }: CameraLoginSecret,
  purpose: SealingPurpose,
): Promise<string> {
  const allowHttp = purpose.kind === 'password' && purpose.allowHttp ? { allowHttp: true } : {}
  const text = JSON.stringify({ user, password, ...allowHttp })
  return await sealFor(publicKey, padded(text), { purpose: purposeOf(purpose) })
}

function purposeOf(purpose: SealingPurpose): string {
  switch (purpose.kind) {
    case 'claim':
      return `ocelli:claim:${purpose.gatewayId}:${purpose.address}`
    case 'credentials':
      return `ocelli:credentials:${purpose.gatewayId}:${purpose.deviceId}`
    case 'password':
      return `ocelli:password:${purpose.gatewayId}:${purpose.deviceId}`
    case 'recovery':
      return `ocelli:recovery:${purpose.accountId}:${purpose.place}`
  }
}

const stepBytes = 256

/** JSON may end in blanks. */
function padded(text: string): string {
  const { length } = new TextEncoder().encode(text)
  return text + ' '.repeat((stepBytes - (length % stepBytes)) % stepBytes)
}
