import type { CameraLogin, CameraLoginBatch, Client } from '@ocelli/sdk'
import type { CommandContext } from '../command-context.ts'

const pollMs = 1_000

/** Waits until nothing more happens to any of them; gives all their items in order. */
export async function awaitBatches(
  begun: CameraLoginBatch[],
  { gateways }: Client,
  { progress, clock, signal }: CommandContext,
): Promise<CameraLogin[]> {
  return await progress.run('Waiting for the gateways', async (tell) => {
    let batches = begun
    for (;;) {
      const counters = batches.map((batch) => batch.counters)
      const sum = (of: 'total' | 'done' | 'failed') => counters.reduce((total, one) => total + one[of], 0)
      tell(`${sum('done') + sum('failed')} of ${sum('total')}, ${sum('failed')} failed`)
      if (batches.every(({ settled }) => settled)) return batches.flatMap(({ items }) => items)
      await clock.wait(pollMs, signal)
      signal.throwIfAborted()
      batches = await Promise.all(
        batches.map((batch) => {
          const { gatewayId, batchId, kind, settled } = batch
          if (settled) return batch
          return kind === 'CLAIM'
            ? gateways.claimBatch(gatewayId, batchId)
            : gateways.credentialsBatch(gatewayId, batchId)
        }),
      )
    }
  })
}
