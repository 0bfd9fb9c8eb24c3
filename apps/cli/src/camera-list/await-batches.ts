import type { CameraLogin, CameraLoginBatch, Client } from '@ocelli/sdk'
import type { CommandContext } from '../command-context.ts'

const pollMs = 1_000
/** A gateway believes after 3 minutes that a password was not set; a camera that stays away is not waited for. */
const doubtPatienceMs = 5 * 60_000

/**
 * Waits until nothing more happens to any of them; gives all their items in order. New passwords of which it is not known whether they
 * count are waited for only so long.
 */
export async function awaitBatches(
  begun: CameraLoginBatch[],
  { gateways }: Client,
  { progress, clock, signal }: CommandContext,
): Promise<CameraLogin[]> {
  const readers = {
    CLAIM: gateways.claimBatch,
    CREDENTIALS: gateways.credentialsBatch,
    PASSWORD: gateways.passwordsBatch,
  }
  return await progress.run('Waiting for the gateways', async (tell) => {
    let batches = begun
    let busyAtMs = clock.monotonicMs()
    for (;;) {
      const counters = batches.map((batch) => batch.counters)
      const sum = (of: keyof CameraLoginBatch['counters']) => counters.reduce((total, one) => total + one[of], 0)
      const doubt = sum('unknown') > 0 ? `, ${sum('unknown')} not known yet` : ''
      const ended = sum('done') + sum('failed')
      tell(`${bar(ended, sum('total'))} ${ended} of ${sum('total')}, ${sum('failed')} failed${doubt}`)
      if (sum('pending') + sum('sent') > 0) busyAtMs = clock.monotonicMs()
      const isEnough = clock.monotonicMs() - busyAtMs >= doubtPatienceMs
      if (batches.every(({ settled }) => settled) || isEnough) return batches.flatMap(({ items }) => items)
      await clock.wait(pollMs, signal)
      signal.throwIfAborted()
      batches = await Promise.all(
        batches.map((batch) => {
          const { gatewayId, batchId, kind, settled } = batch
          return settled ? batch : readers[kind](gatewayId, batchId)
        }),
      )
    }
  })
}

const barWidth = 20

function bar(part: number, whole: number): string {
  const filled = Math.floor((barWidth * Math.min(part, whole)) / Math.max(1, whole))
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`
}
