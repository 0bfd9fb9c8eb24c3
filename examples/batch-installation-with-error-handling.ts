/**
 * Batch installation with error handling: checks that there are enough licenses, tries again what may pass, survives
 * being broken off (Ctrl-C, a power cut) by its journal, and says for each camera that failed what to do.
 *
 *   OCELLI_URL=… OCELLI_CLIENT_ID=… OCELLI_CLIENT_SECRET=… \
 *     node batch-installation-with-error-handling.ts com.example.counter FULL batch.jsonl CAMERA-1 CAMERA-2 …
 *
 * Run it again with the same journal: it goes on where it was, and tries the failed ones again.
 * Ends with 0 when the app is on all cameras, 1 when it is not on some, 2 when nothing was begun.
 */
import {
  type BatchError,
  type BatchProgress,
  clientCredentials,
  createClient,
  isOcelliError,
  type LicenseType,
} from '@ocelli/sdk'
import { openFileJournal } from '@ocelli/sdk/node'

const [appId = '', licenseType = 'FULL', journalPath = 'batch.jsonl', ...deviceIds] = process.argv.slice(2)
const { OCELLI_URL: baseUrl = '', OCELLI_CLIENT_ID: id = '', OCELLI_CLIENT_SECRET: secret = '' } = process.env
const say = (line: string) => process.stdout.write(`${line}\n`)

const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())
process.once('SIGTERM', () => stopping.abort())

const client = createClient({
  ...{ baseUrl, credentials: clientCredentials(id, secret), signal: stopping.signal },
  // a platform that is away is waited for; say so, or it looks as if this program hung
  onAttempt: ({ route, error, retryInMs }) => {
    if (error && retryInMs !== null) say(`${route}: ${error.message} Again in ${Math.round(retryInMs / 1000)} s.`)
  },
})

/** Devices that have a license of this type need no unit more. */
async function countMissingUnits(): Promise<number> {
  const quantities = await client.licenseQuantities.ofApp(appId)
  const free = quantities.find((quantity) => quantity.licenseType === licenseType)?.free ?? 0
  let needed = 0
  for (const deviceId of deviceIds) {
    const held = await client.licenses.list({ appId, deviceId })
    if (!held.some((license) => license.licenseType === licenseType)) needed++
  }
  return Math.max(0, needed - free)
}

function remedy({ code, category, detail }: BatchError): string {
  if (code === 'device-offline' || category === 'device-unreachable') return 'is away: run this again when it is back'
  if (code === 'no-free-license') return 'found no free license: order more, then run this again'
  if (category === 'credentials-refused') return 'refuses its login: store the right password at the gateway'
  if (code === 'incompatible' || category === 'incompatible') return `cannot run the app: ${detail}`
  return `failed (${code}): ${detail}`
}

function tell({ kind, deviceId, attempt, inMs, counts, known }: BatchProgress): void {
  if (kind === 'trying-again')
    say(`${deviceId}: attempt ${attempt} failed, again in ${Math.round((inMs ?? 0) / 1000)} s`)
  if (kind === 'done') say(`${counts.succeeded} done, ${counts.failed} failed, of ${known}: ${deviceId}`)
}

async function install(): Promise<number> {
  const missing = await countMissingUnits()
  if (missing > 0) {
    say(`${missing} ${licenseType} licenses are missing. Order them first.`)
    return 2
  }
  const journal = await openFileJournal(journalPath)
  try {
    const { results, counts, stoppedBy } = await client.batch(
      deviceIds,
      { kind: 'install', appId, licenseType: licenseType as LicenseType },
      {
        ...{ concurrency: 3, journal, signal: stopping.signal, onProgress: tell },
        ...{ retries: Number(process.env.RETRIES ?? 2), retryPause: { baseMs: 10_000, capMs: 300_000 } },
      },
    )
    for (const result of results) {
      if (result.kind === 'succeeded') say(`${result.deviceId}: ${result.fromJournal ? 'was done before' : 'done'}`)
      else say(`${result.deviceId}: ${remedy(result.error)}`)
    }
    if (stoppedBy) say(`Stopped: ${stoppedBy.message} Run this again with ${journalPath} to go on.`)
    return counts.succeeded === deviceIds.length ? 0 : 1
  } finally {
    await journal.close()
  }
}

try {
  process.exitCode = await install()
} catch (error) {
  if (!isOcelliError(error)) throw error
  say(`${error.message}${error.requestId ? ` Request ${error.requestId}.` : ''}`)
  process.exitCode = 2
}
