/**
 * Gathers what arrives within a few milliseconds and hands it over as one batch, one batch at a time. `add` resolves when
 * its batch is done, so that whoever waits for it is held back by a slow database. `handle` must not throw.
 */
export interface Collector<Item> {
  add(item: Item): Promise<void>
  /** Resolves when everything added so far is done. */
  drain(): Promise<void>
}

export function createCollector<Item>(options: {
  waitMs: number
  maxItems: number
  handle: (items: Item[]) => Promise<void>
}): Collector<Item> {
  const { waitMs, maxItems, handle } = options
  let waiting: { item: Item; done: () => void }[] = []
  let running: Promise<void> | null = null

  async function run(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxItems)
      waiting = waiting.slice(maxItems)
      try {
        await handle(batch.map(({ item }) => item))
      } finally {
        for (const { done } of batch) done()
      }
    }
  }

  function start(): void {
    running ??= run().finally(() => {
      running = null
      if (waiting.length > 0) start()
    })
  }

  return {
    add: (item) =>
      new Promise((done) => {
        waiting.push({ item, done })
        start()
      }),
    async drain() {
      while (running) await running
    },
  }
}
