/** Runs `work` on every item, so many at a time, and gives the results in the items' order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  { concurrency, signal }: { concurrency: number; signal: AbortSignal },
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const left = items.entries()
  const take = async () => {
    for (const [index, item] of left) {
      signal.throwIfAborted()
      results[index] = await work(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, take))
  return results
}
