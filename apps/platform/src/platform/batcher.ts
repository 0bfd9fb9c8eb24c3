/** What became of one item of a batch. */
export type Outcome<Item, Result> =
  | { kind: 'done'; result: Result }
  | { kind: 'failed'; error: unknown }
  /** Nothing was done about it: it comes first in the lane's next batch, as this item. */
  | { kind: 'again'; item: Item }

export interface Batcher<Item, Result> {
  /** Resolves with the item's own result, rejects with its own failure. */
  ask(item: Item): Promise<Result>
}

/** One might still be that item's own misfortune. */
const commonFailures = 2

interface Waiting<Item, Result> {
  item: Item
  lane: string
  settle: PromiseWithResolvers<Result>
}

/**
 * Does many requests by one piece of work ("group commit"): an item goes at once while its lane is idle; while its lane is
 * at work, items collect and go together as soon as it is done. Items of a lane are taken in their order and are never in
 * two batches at a time; a batch may take items of many lanes.
 *
 * `work` gives one outcome for each item, by place. Where it throws for several items, each is done alone, so that one bad
 * item never fails the others: what it had done by then must have been undone, or be seen as done the second time. Where two of
 * them fail alone by what is no item's own (`isCommon`), the rest of the batch fails with it untried: each would wait as long.
 */
export function createBatcher<Item, Result>(options: {
  laneOf: (item: Item) => string
  work: (items: Item[]) => Promise<Outcome<Item, Result>[]>
  /** Batches at a time: a slow one holds up its own lanes and no others, until there are so many slow ones. */
  maxAtWork: number
  maxItems: number
  isCommon?: (error: unknown) => boolean
}): Batcher<Item, Result> {
  const { laneOf, work, maxAtWork, maxItems, isCommon = () => false } = options
  let waiting: Waiting<Item, Result>[] = []
  let atWork = 0
  const busyLanes = new Set<string>()

  function start(): void {
    while (atWork < maxAtWork) {
      const batch = takeBatch()
      if (batch.length === 0) return
      const lanes = new Set(batch.map(({ lane }) => lane))
      for (const lane of lanes) busyLanes.add(lane)
      atWork++
      void run(batch).then((again) => {
        waiting = [...again, ...waiting]
        for (const lane of lanes) busyLanes.delete(lane)
        atWork--
        start()
      })
    }
  }

  function takeBatch(): Waiting<Item, Result>[] {
    const batch: Waiting<Item, Result>[] = []
    const left: Waiting<Item, Result>[] = []
    for (const one of waiting) (batch.length < maxItems && !busyLanes.has(one.lane) ? batch : left).push(one)
    waiting = left
    return batch
  }

  /** Settles what has come to its end, and gives back the rest. Never rejects. */
  async function run(batch: Waiting<Item, Result>[]): Promise<Waiting<Item, Result>[]> {
    try {
      const outcomes = await work(batch.map(({ item }) => item))
      return batch.flatMap((one, place) => settle(one, outcomes[place]))
    } catch (error) {
      if (batch.length > 1) return await runEachAlone(batch)
      return batch.flatMap((one) => settle(one, { kind: 'failed', error }))
    }
  }

  async function runEachAlone(batch: Waiting<Item, Result>[]): Promise<Waiting<Item, Result>[]> {
    const again: Waiting<Item, Result>[] = []
    let common = 0
    for (const [place, one] of batch.entries()) {
      try {
        again.push(...settle(one, (await work([one.item]))[0]))
      } catch (error) {
        if (isCommon(error)) common++
        const failing = common === commonFailures ? batch.slice(place) : [one]
        for (const each of failing) settle(each, { kind: 'failed', error })
        if (common === commonFailures) break
      }
    }
    return again
  }

  function settle(one: Waiting<Item, Result>, outcome: Outcome<Item, Result> | undefined): Waiting<Item, Result>[] {
    switch (outcome?.kind) {
      case 'done':
        one.settle.resolve(outcome.result)
        return []
      case 'again':
        return [{ ...one, item: outcome.item }]
      case 'failed':
        one.settle.reject(outcome.error)
        return []
      case undefined:
        one.settle.reject(new Error('The work gave no outcome for this item.'))
        return []
    }
  }

  return {
    ask(item) {
      const one = { item, lane: laneOf(item), settle: Promise.withResolvers<Result>() }
      waiting.push(one)
      if (!busyLanes.has(one.lane)) start()
      return one.settle.promise
    },
  }
}
