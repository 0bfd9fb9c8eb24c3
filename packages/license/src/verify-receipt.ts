import type { PublicLicenseKey } from './keys.ts'
import { parseReceiptClaims, type ReceiptClaims } from './receipt-claims.ts'
import { openStatement, type StatementKind } from './signed-claims.ts'

/**
 * `unknown-key`: signed by none of the keys given. `damaged`: changed, cut off, or it contradicts itself. `detail` is for a
 * person.
 */
export type ReceiptVerification =
  | { valid: true; claims: ReceiptClaims; keyId: string }
  | { valid: false; reason: 'unknown-key' | 'damaged'; detail: string }

const receiptKind: StatementKind<ReceiptClaims> = {
  type: 'ocelli-receipt+jwt',
  name: 'The receipt',
  read: parseReceiptClaims,
}

/**
 * Judges whether one of the keys in `trust` (those enrolled to the one who reports it) has signed a receipt. It has no
 * end, and no clock is asked: the laptop's may be wrong. Whether its entries count is the platform's to say. Never
 * throws for any text; rejects only when a key in `trust` is no Ed25519 key.
 */
export async function verifyReceipt(
  text: string,
  options: { trust: readonly PublicLicenseKey[] },
): Promise<ReceiptVerification> {
  const opened = await openStatement(text, receiptKind, options.trust)
  if (opened.kind === 'refused') return { valid: false, reason: opened.reason, detail: opened.detail }
  return { valid: true, claims: opened.claims, keyId: opened.keyId }
}
