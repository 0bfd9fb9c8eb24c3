/**
 * Regular batch installation: installs an app on every camera that is online, a few at a time.
 *
 *   OCELLI_URL=https://ocelli.example.com OCELLI_CLIENT_ID=… OCELLI_CLIENT_SECRET=… \
 *     node regular-batch-installation.ts com.example.counter FULL
 */
import { clientCredentials, createClient, type LicenseType } from '@ocelli/sdk'

const [appId = '', licenseType = 'FULL'] = process.argv.slice(2)
const { OCELLI_URL: baseUrl = '', OCELLI_CLIENT_ID: id = '', OCELLI_CLIENT_SECRET: secret = '' } = process.env
const say = (line: string) => process.stdout.write(`${line}\n`)

const client = createClient({ baseUrl, credentials: clientCredentials(id, secret) })

const report = await client.batch(
  client.devices.list({ connectivity: 'ONLINE' }),
  { kind: 'install', appId, licenseType: licenseType as LicenseType },
  {
    // packages are large: three cameras at a time leave the network to its other users
    concurrency: 3,
    onProgress: ({ kind, deviceId, counts, known }) => {
      if (kind === 'done') say(`${counts.succeeded + counts.failed} of ${known} done: ${deviceId}`)
    },
  },
)

for (const result of report.results) say(`${result.deviceId}: ${result.kind}`)
if (report.stoppedBy) say(`Stopped: ${report.stoppedBy.message}`)
process.exitCode = report.counts.succeeded === report.results.length && !report.stoppedBy ? 0 : 1
