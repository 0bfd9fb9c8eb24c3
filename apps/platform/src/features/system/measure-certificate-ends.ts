import { X509Certificate } from 'node:crypto'
import type { Database } from '../../platform/database/database.ts'
import { endingSoonDays, type Metrics } from '../../platform/metrics.ts'
import { readCertificateEnds } from '../gateways/certificate-ends.ts'

/**
 * Says in the metrics when certificates end: those given (PEM by name; of a chain, the first), and of the gateways' the one
 * that ends first. What is null or gone is no longer shown.
 */
export async function measureCertificateEnds(
  db: Database,
  metrics: Pick<Metrics, 'certificateEnd' | 'gatewayCertificatesEnding'>,
  certificates: Record<string, string | null>,
): Promise<void> {
  const { firstAtMs, endingSoon } = await readCertificateEnds(db, endingSoonDays)
  // nobody may see the moment between: from here on nothing waits
  metrics.certificateEnd.reset()
  for (const [certificate, pem] of Object.entries(certificates)) {
    if (pem === null) continue
    metrics.certificateEnd.set({ certificate }, new X509Certificate(pem).validToDate.getTime() / 1000)
  }
  if (firstAtMs !== null) metrics.certificateEnd.set({ certificate: 'gateway' }, firstAtMs / 1000)
  metrics.gatewayCertificatesEnding.set(endingSoon)
}
