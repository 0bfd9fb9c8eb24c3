/** The first `limit` items; all of them without a limit. */
export async function* atMost<Item>(items: AsyncIterable<Item>, limit: number | undefined): AsyncGenerator<Item> {
  if (limit === undefined) {
    yield* items
    return
  }
  let count = 0
  for await (const item of items) {
    yield item
    if (++count >= limit) return
  }
}
