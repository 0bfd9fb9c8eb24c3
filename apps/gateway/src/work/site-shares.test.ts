import type { SiteShare } from '@ocelli/contract'
import { expect, test } from 'vitest'
import { createSiteShares } from './site-shares.ts'

const siteId = '5172e000-0000-4000-8000-000000000001'
const shareOf = (changes: Partial<SiteShare> = {}): SiteShare => ({
  ...{ siteId, number: 1, maxInFlight: 2, repair: 'request', isShared: true },
  ...changes,
})

function createBook() {
  const load = { granted: 0, waiting: 0 }
  const tellings: number[] = []
  const shares = createSiteShares({
    counts: () => load,
    onChange: () => undefined,
    tellWithin: (ms) => void tellings.push(ms),
  })
  return { ...shares, load, tellings: () => tellings.splice(0) }
}

test('every share that is told is answered at once, an old one too, which changes nothing', () => {
  const book = createBook()
  book.begin([shareOf({ number: 5 })])
  book.take([shareOf({ number: 4, maxInFlight: 9 })])
  expect(book.tellings()).toEqual([0, 0])
  expect(book.of(siteId)?.maxInFlight).toBe(2)
  expect(book.inUse()).toEqual([{ siteId, number: 5, inFlight: 0, waiting: 0 }])
})

test('a new session forgets what the last one said', () => {
  const book = createBook()
  book.begin([shareOf({ number: 5 })])
  book.begin([])
  expect(book.of(siteId)).toBeNull()
  book.take([shareOf({ number: 1 })])
  expect(book.of(siteId)?.number).toBe(1)
})

test('each camera that ends while there are too many at work is told at once, other changes soon', () => {
  const book = createBook()
  Object.assign(book.load, { granted: 4, waiting: 1 })
  book.begin([shareOf()])
  book.inUse()
  book.tellings()
  book.load.granted = 3
  book.loadChanged(siteId)
  expect(book.tellings()).toEqual([0])
  book.inUse()
  book.load.granted = 2
  book.loadChanged(siteId)
  expect(book.tellings()).toEqual([0])
  book.inUse()
  book.load.waiting = 0
  book.loadChanged(siteId)
  expect(book.tellings()).toEqual([2_000])
  book.inUse()
  book.loadChanged(siteId)
  expect(book.tellings()).toEqual([])
})

test('who has a site for itself says no more than its heartbeats', () => {
  const book = createBook()
  book.begin([shareOf({ isShared: false })])
  book.tellings()
  book.load.granted = 1
  book.loadChanged(siteId)
  expect(book.tellings()).toEqual([])
})

test('a platform that numbers nothing is believed as it comes and told nothing', () => {
  const book = createBook()
  const plain: SiteShare = { siteId, maxInFlight: 2, repair: 'request' }
  book.begin([plain])
  book.take([{ ...plain, maxInFlight: 1 }])
  expect(book.of(siteId)?.maxInFlight).toBe(1)
  expect(book.inUse()).toEqual([])
})

test('only limited rates are named', () => {
  const book = createBook()
  book.begin([shareOf({ downloadBytesPerSecond: 5000, uploadBytesPerSecond: null })])
  expect([...book.rates('downloadBytesPerSecond')]).toEqual([[siteId, 5000]])
  expect([...book.rates('uploadBytesPerSecond')]).toEqual([])
})
