import { sql } from 'kysely'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createGatewayBench, type GatewayBench } from '../../../test/gateway-fixture.ts'
import { createCertificateAuthority } from '../../platform/ca/certificate-authority.ts'
import { createVault } from '../../platform/keys/master-key.ts'
import { createMetrics, type Metrics } from '../../platform/metrics.ts'
import { measureCertificateEnds } from './measure-certificate-ends.ts'

const dayMs = 86_400_000
const end = 'ocelli_certificate_expiry_timestamp_seconds'
let bench: GatewayBench

beforeAll(async () => {
  bench = await createGatewayBench()
})
afterAll(() => bench.platform.close())

function openMetrics(): Metrics {
  const metrics = createMetrics()
  onTestFinished(() => metrics.close())
  return metrics
}

/** The samples of both, as Prometheus reads them. */
async function samples({ registry }: Metrics): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => /^ocelli_(certificate|gateway_certificates)_/.test(line))
}

/** Of this gateway, so that it ends in so many days; the second it ends at, since 1970. */
async function setEnd(gatewayId: string, inDays: number): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    UPDATE gateway SET certificate_expires_at = date_trunc('second', now()) + ${inDays} * interval '1 day'
    WHERE gateway_id = ${gatewayId} RETURNING extract(epoch FROM certificate_expires_at)::int AS seconds`.execute(
    bench.platform.db,
  )
  return rows[0]?.seconds ?? Number.NaN
}

test('of all gateways that may still renew, the first end is shown, and how many are near theirs', async () => {
  const { platform, newSite, newSecret, enroll } = bench
  const { db } = platform
  const metrics = openMetrics()
  await measureCertificateEnds(db, metrics, {})
  expect(await samples(metrics)).toEqual(['ocelli_gateway_certificates_expiring 0'])

  const [owner, other] = [await platform.account(), await platform.account()]
  const newGateway = async (by: typeof owner, siteId: string) =>
    (await enroll({ secret: await newSecret(by, siteId) })).body.gatewayId
  const [site, foreignSite] = [await newSite(owner), await newSite(other)]
  const [fresh, near, revoked] = [
    await newGateway(owner, site),
    await newGateway(owner, site),
    await newGateway(owner, site),
  ]
  const foreign = await newGateway(other, foreignSite)
  await setEnd(fresh, 300)
  const nearest = await setEnd(near, 13)
  await setEnd(revoked, 1)
  await sql`UPDATE gateway SET revoked_at = now() WHERE gateway_id = ${revoked}`.execute(db)
  const ended = await setEnd(foreign, -2)

  await measureCertificateEnds(db, metrics, {})
  expect(await samples(metrics)).toEqual([
    `${end}{certificate="gateway"} ${ended}`,
    'ocelli_gateway_certificates_expiring 2',
  ])

  await sql`UPDATE account SET suspended_at = now() WHERE account_id = ${other.accountId}`.execute(db)
  await measureCertificateEnds(db, metrics, {})
  expect(await samples(metrics)).toEqual([
    `${end}{certificate="gateway"} ${nearest}`,
    'ocelli_gateway_certificates_expiring 1',
  ])
})

test('what the platform shows has its end beside it, and what it shows no longer has none', async () => {
  const { db } = bench.platform
  const nowMs = () => Date.UTC(2026, 0, 1)
  const ca = await createCertificateAuthority(db, createVault(Buffer.alloc(32, 7)), nowMs)
  const { certPem } = await ca.issueServerCertificate({ names: ['127.0.0.1'] })
  const metrics = openMetrics()
  await sql`UPDATE gateway SET revoked_at = now()`.execute(db)

  await measureCertificateEnds(db, metrics, { https: certPem, mqtt: null })
  const seconds = (nowMs() + 825 * dayMs) / 1000
  expect(await samples(metrics)).toEqual([
    `${end}{certificate="https"} ${seconds}`,
    'ocelli_gateway_certificates_expiring 0',
  ])

  await measureCertificateEnds(db, metrics, { https: null })
  expect(await samples(metrics)).toEqual(['ocelli_gateway_certificates_expiring 0'])
})
