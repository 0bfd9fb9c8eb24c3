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
  return await sealFor(publicKey, padded(JSON.stringify({ user, password })), { purpose: purposeOf(purpose) })
}

function purposeOf(purpose: SealingPurpose): string {
  switch (purpose.kind) {
    case 'claim':
      return `ocelli:claim:${purpose.gatewayId}:${purpose.address}`
    case 'credentials':
      return `ocelli:credentials:${purpose.gatewayId}:${purpose.deviceId}`
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
