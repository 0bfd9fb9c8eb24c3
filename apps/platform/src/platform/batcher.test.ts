import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batcher, createBatcher, type Outcome } from './batcher.ts'

interface Work {
  items: string[]
  finish: (outcomes: Outcome<string, string>[]) => void
  fail: (error: Error) => void
}

/** Lanes are first letters; each batch ends when the test says so. */
function createHand({ maxAtWork = 4, maxItems = 100 } = {}) {
  const works: Work[] = []
  const batcher = createBatcher<string, string>({
    laneOf: (item) => item.charAt(0),
    work: (items) =>
      new Promise((finish, fail) => {
        works.push({ items, finish, fail })
      }),
    ...{ maxAtWork, maxItems, isCommon: (error: unknown) => String(error).includes('locked') },
  })
  const items = () => works.map((work) => work.items.join(' '))
  const done = (work: Work | undefined) =>
    work?.finish(work.items.map((item) => ({ kind: 'done', result: `${item} done` })))
  return { batcher, works, items, done }
}

const all = (batcher: Batcher<string, string>, ...items: string[]) =>
  Promise.allSettled(items.map((item) => batcher.ask(item)))
const answers = (settled: PromiseSettledResult<string>[]) =>
  settled.map((one) => (one.status === 'fulfilled' ? one.value : `failed: ${one.reason.message}`))
/** Lets everything run that is not waiting for the test's hand. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('an item', () => {
  test('goes at once, in the same turn, while its lane is idle', () => {
    const { batcher, items } = createHand()
    void batcher.ask('a1')
    expect(items()).toEqual(['a1'])
  })

  test('waits while its lane is at work, and goes with all that came meanwhile, in their order', async () => {
    const { batcher, works, items, done } = createHand()
    const asked = all(batcher, 'a1', 'a2', 'a3', 'a4')
    await turn()
    expect(items()).toEqual(['a1'])
    done(works[0])
    await turn()
    expect(items()).toEqual(['a1', 'a2 a3 a4'])
    done(works[1])
    expect(answers(await asked)).toEqual(['a1 done', 'a2 done', 'a3 done', 'a4 done'])
  })

  test('is answered with its own outcome', async () => {
    const { batcher, works } = createHand()
    const asked = all(batcher, 'a1', 'a2', 'a3')
    works[0]?.finish([{ kind: 'done', result: 'first' }])
    await turn()
    works[1]?.finish([{ kind: 'failed', error: new Error('refused') }])
    expect(answers(await asked)).toEqual([
      'first',
      'failed: refused',
      'failed: The work gave no outcome for this item.',
    ])
  })

  test('that goes again comes first in the next batch, as what it has become', async () => {
    const { batcher, works, items, done } = createHand()
    const asked = all(batcher, 'a1', 'a2', 'a3')
    done(works[0])
    await turn()
    void batcher.ask('a4')
    works[1]?.finish([
      { kind: 'again', item: 'a2 once more' },
      { kind: 'again', item: 'a3' },
    ])
    await turn()
    expect(items()).toEqual(['a1', 'a2 a3', 'a2 once more a3 a4'])
    done(works[2])
    expect(answers(await asked)).toEqual(['a1 done', 'a2 once more done', 'a3 done'])
  })
})

describe('lanes', () => {
  test('do not wait for each other, and share a batch where they have waited', async () => {
    const { batcher, works, items, done } = createHand({ maxAtWork: 2 })
    void all(batcher, 'a1', 'b1', 'c1', 'a2', 'b2', 'c2')
    expect(items()).toEqual(['a1', 'b1'])
    done(works[1])
    await turn()
    // c had to wait for a place, a for its own batch
    expect(items().slice(2)).toEqual(['c1 b2 c2'])
    done(works[0])
    await turn()
    expect(items().slice(3)).toEqual(['a2'])
  })

  test('are worked on in batches of a limited size', async () => {
    const { batcher, works, items, done } = createHand({ maxItems: 2 })
    void all(batcher, 'a1', 'a2', 'a3', 'a4')
    done(works[0])
    await turn()
    expect(items()).toEqual(['a1', 'a2 a3'])
  })
})

describe('work that throws', () => {
  test('is done again for each item alone, so that only the bad one fails', async () => {
    const { batcher, works, items, done } = createHand()
    const asked = all(batcher, 'a1', 'a2', 'a3', 'a4')
    done(works[0])
    await turn()
    works[1]?.fail(new Error('one of them is bad'))
    await turn()
    done(works[2])
    await turn()
    works[3]?.fail(new Error('a3 is bad'))
    await turn()
    // what comes meanwhile waits until all of them are through
    void batcher.ask('a5')
    works[4]?.finish([{ kind: 'again', item: 'a4' }])
    await turn()
    expect(items()).toEqual(['a1', 'a2 a3 a4', 'a2', 'a3', 'a4', 'a4 a5'])
    done(works[5])
    expect(answers(await asked)).toEqual(['a1 done', 'a2 done', 'failed: a3 is bad', 'a4 done'])
  })

  test('because of what is no item’s own is given up after two of them, for the whole batch', async () => {
    const { batcher, works, items, done } = createHand()
    const asked = all(batcher, 'a1', 'a2', 'a3', 'a4', 'a5', 'a6')
    done(works[0])
    await turn()
    works[1]?.fail(new Error('all is locked'))
    for (const alone of [2, 4]) {
      await turn()
      works[alone]?.fail(new Error('all is locked'))
      await turn()
      if (alone === 2) done(works[3])
    }
    const failed = 'failed: all is locked'
    expect(answers(await asked)).toEqual(['a1 done', failed, 'a3 done', failed, failed, failed])
    void batcher.ask('a7')
    expect(items()).toEqual(['a1', 'a2 a3 a4 a5 a6', 'a2', 'a3', 'a4', 'a7'])
  })
})

test('whatever happens, each item is answered once, lanes keep their order, and none is in two batches at a time', async () => {
  const item = fc.record({
    lane: fc.constantFrom('a', 'b', 'c'),
    fate: fc.constantFrom('done', 'failed', 'again', 'poison'),
    turns: fc.nat({ max: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), async (given, maxAtWork) => {
      const busy = new Set<string>()
      const ended: { lane: string; number: number }[] = []
      const batcher = createBatcher<{ number: number; tries: number }, string>({
        laneOf: ({ number }) => given[number]?.lane ?? '',
        maxAtWork,
        maxItems: 5,
        work: async (items) => {
          const lanes = new Set(items.map(({ number }) => given[number]?.lane ?? ''))
          for (const lane of lanes) expect(busy.has(lane)).toBe(false)
          for (const lane of lanes) busy.add(lane)
          for (let left = given[items[0]?.number ?? 0]?.turns ?? 0; left > 0; left--) await turn()
          for (const lane of lanes) busy.delete(lane)
          if (items.some(({ number }) => given[number]?.fate === 'poison')) throw new Error('poison')
          return items.map((one): Outcome<typeof one, string> => {
            const { fate = '', lane = '' } = given[one.number] ?? {}
            if (fate === 'again' && one.tries < 2) return { kind: 'again', item: { ...one, tries: one.tries + 1 } }
            ended.push({ lane, number: one.number })
            return fate === 'failed'
              ? { kind: 'failed', error: new Error('failed') }
              : { kind: 'done', result: `${one.number}` }
          })
        },
      })
      const asked = await Promise.allSettled(given.map((_, number) => batcher.ask({ number, tries: 0 })))
      const expected = given.map(({ fate }, number) => (['failed', 'poison'].includes(fate) ? fate : `${number}`))
      expect(asked.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message))).toEqual(expected)
      expect(new Set(ended.map(({ number }) => number)).size).toBe(ended.length)
      for (const lane of ['a', 'b', 'c']) {
        const straight = ended.filter((one) => one.lane === lane && given[one.number]?.fate !== 'again')
        expect(straight.map(({ number }) => number)).toEqual(straight.map(({ number }) => number).sort((x, y) => x - y))
      }
    }),
    { seed: 20_261_123, numRuns: 200 },
  )
})
