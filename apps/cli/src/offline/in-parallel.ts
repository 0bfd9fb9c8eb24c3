/**
 * Runs `work` on every item, so many at a time, and gives the results in the items' order. Once one throws, no other is begun,
 * those under way are told by the signal that they are given, and what was thrown first comes out when all of them have ended.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  { concurrency, signal: outer }: { concurrency: number; signal: AbortSignal },
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const left = items.entries()
  const failing = new AbortController()
  const signal = AbortSignal.any([outer, failing.signal])
  const take = async () => {
    for (const [index, item] of left) {
      signal.throwIfAborted()
      results[index] = await work(item, signal)
    }
  }
  const runs = Array.from({ length: Math.min(concurrency, items.length) }, () =>
    take().catch((error: unknown) => {
      failing.abort(error)
      throw error
    }),
  )
  await Promise.allSettled(runs)
  failing.signal.throwIfAborted()
  return results
}
