import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { divideBudget, mayGoOnSeconds, type Sharer, turnSeconds } from './share-rules.ts'

const sharer = (gatewayId: string, changes: Partial<Sharer> = {}): Sharer => ({
  ...{ gatewayId, isServing: true, confirms: true, wants: 0, share: 0, held: 0, sinceSeconds: 0 },
  ...changes,
})
const has = (share: number, held = share) => ({ share, held })
const shares = (budget: number, sharers: Sharer[]) =>
  Object.fromEntries([...divideBudget(budget, sharers)].map(([id, { share, held }]) => [id, `${share}/${held}`]))

describe('the budget of a site', () => {
  it.each<[string, number, Sharer[], Record<string, string>]>([
    ['goes to the only gateway', 4, [sharer('a')], { a: '4/4' }],
    ['is divided evenly where nobody says more', 5, [sharer('a'), sharer('b')], { a: '3/3', b: '2/2' }],
    [
      'goes to those with work, but for one each',
      6,
      [sharer('a', { wants: 30 }), sharer('b'), sharer('c')],
      { a: '4/4', b: '1/1', c: '1/1' },
    ],
    [
      'is left as it is while nobody goes short',
      6,
      [sharer('a', { ...has(5), wants: 3 }), sharer('b', has(1))],
      { a: '5/5', b: '1/1' },
    ],
    [
      'is lowered at once, and what is in use is held until it is confirmed',
      2,
      [sharer('a', { ...has(3), wants: 5 }), sharer('b', { ...has(1), wants: 5 })],
      { a: '1/3', b: '1/1' },
    ],
    [
      'goes to a newcomer only when somebody has confirmed less',
      4,
      [sharer('a', { ...has(4), wants: 9 }), sharer('b', { wants: 9 })],
      { a: '2/4', b: '0/0' },
    ],
    [
      'goes to a newcomer by as much as has been confirmed',
      4,
      [sharer('a', { ...has(2, 3), wants: 9 }), sharer('b', { wants: 9 })],
      { a: '2/3', b: '1/1' },
    ],
    [
      'is kept back for a gateway that is away as long as it may be at work',
      4,
      [sharer('a', { ...has(3), isServing: false }), sharer('b', { ...has(1), wants: 9 })],
      { a: '0/3', b: '1/1' },
    ],
    [
      'goes in turns to gateways with work where it is smaller than their number',
      1,
      [
        sharer('a', { ...has(1), wants: 5, sinceSeconds: turnSeconds }),
        sharer('b', { wants: 1, sinceSeconds: 9 }),
        sharer('c'),
      ],
      { a: '0/1', b: '0/0', c: '0/0' },
    ],
    [
      'stays with whose turn it is',
      1,
      [
        sharer('a', { ...has(1), wants: 5, sinceSeconds: turnSeconds - 1 }),
        sharer('b', { wants: 1, sinceSeconds: 99 }),
      ],
      { a: '1/1', b: '0/0' },
    ],
    [
      'is given to gateways that confirm nothing at least once each, and their word is not waited for',
      2,
      [sharer('a', { ...has(2), confirms: false }), sharer('b', { confirms: false }), sharer('c', { confirms: false })],
      { a: '1/1', b: '1/1', c: '1/1' },
    ],
  ])('%s', (_, budget, sharers, expected) => {
    expect(shares(budget, sharers)).toEqual(expected)
  })
})

describe('a gateway that is away', () => {
  it('may go on as long as its longest step', () => {
    expect(mayGoOnSeconds(0, { share: 2, uploadBytesPerSecond: null })).toBe(600)
    expect(mayGoOnSeconds(65_536_000, { share: 2, uploadBytesPerSecond: null })).toBe(1600)
    expect(mayGoOnSeconds(65_536_000, { share: 2, uploadBytesPerSecond: 65_536 })).toBe(5600)
  })
})

/** Gateways and messages as they are: lost, late, doubled; work that begins and ends; restarts; a budget that changes. */
interface World {
  budget: number
  gateways: {
    row: Sharer & { number: number }
    told: { share: number; number: number }
    atWork: number
    jobs: number
    isUp: boolean
  }[]
  /** Confirmations on their way, which arrive in any order, some never. */
  up: { gateway: number; number: number; inFlight: number; wants: number }[]
  down: { gateway: number; number: number; share: number }[]
}
type Move =
  | { kind: 'divide' }
  | { kind: 'budget'; budget: number }
  | { kind: 'job' | 'begin' | 'end' | 'confirm' | 'away' | 'back'; gateway: number }
  | { kind: 'up' | 'down'; at: number; isKept: boolean }

const gatewayCount = 3
const inWorld: Record<Move['kind'], (world: World, move: never) => void> = {
  divide(world: World) {
    const rows = world.gateways.map(({ row, isUp }) => ({ ...row, isServing: isUp }))
    for (const [at, { row, isUp }] of world.gateways.entries()) {
      const { share, held } = divideBudget(world.budget, rows).get(row.gatewayId) ?? row
      if (share !== row.share) row.sinceSeconds = 0
      else row.sinceSeconds += 5
      row.number += 1
      Object.assign(row, { share, held })
      if (isUp) world.down.push({ gateway: at, number: row.number, share })
    }
  },
  budget(world: World, { budget }: { budget: number }) {
    world.budget = budget
  },
  job: (world: World, { gateway }: { gateway: number }) => void at(world, gateway).jobs++,
  begin(world: World, { gateway }: { gateway: number }) {
    const one = at(world, gateway)
    if (!one.isUp || one.jobs === 0 || one.atWork >= one.told.share) return
    one.jobs--
    one.atWork++
  },
  end(world: World, { gateway }: { gateway: number }) {
    const one = at(world, gateway)
    one.atWork = Math.max(0, one.atWork - 1)
  },
  confirm(world: World, { gateway }: { gateway: number }) {
    const { told, atWork, jobs, isUp } = at(world, gateway)
    if (isUp) world.up.push({ gateway, number: told.number, inFlight: atWork, wants: atWork + jobs })
  },
  /** Cut off it begins nothing; what runs may run on. */
  away(world: World, { gateway }: { gateway: number }) {
    at(world, gateway).isUp = false
  },
  back(world: World, { gateway }: { gateway: number }) {
    const one = at(world, gateway)
    one.isUp = true
    one.told = { share: 0, number: 0 }
    world.up = world.up.filter((message) => message.gateway !== gateway)
    world.down = world.down.filter((message) => message.gateway !== gateway)
  },
  up(world: World, { at: place, isKept }: { at: number; isKept: boolean }) {
    const [message] = world.up.length > 0 ? world.up.splice(place % world.up.length, 1) : []
    if (!message) return
    if (isKept) world.up.push(message)
    const { row } = at(world, message.gateway)
    row.wants = message.wants
    if (message.number === row.number) row.held = Math.max(row.share, message.inFlight)
  },
  down(world: World, { at: place, isKept }: { at: number; isKept: boolean }) {
    const [message] = world.down.length > 0 ? world.down.splice(place % world.down.length, 1) : []
    if (!message) return
    if (isKept) world.down.push(message)
    const { told } = at(world, message.gateway)
    if (message.number > told.number) Object.assign(told, { share: message.share, number: message.number })
  },
}
const at = (world: World, gateway: number) => {
  const found = world.gateways[gateway]
  if (!found) throw new Error(`There is no gateway ${gateway}.`)
  return found
}
const play = (world: World, move: Move) => inWorld[move.kind](world, move as never)

function newWorld(budget: number): World {
  const gateways = Array.from({ length: gatewayCount }, (_, place) => ({
    ...{ row: { ...sharer(`${place}`), number: 0 }, told: { share: 0, number: 0 }, atWork: 0, jobs: 5, isUp: true },
  }))
  return { budget, gateways, up: [], down: [] }
}

const gateway = fc.nat(gatewayCount - 1)
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'divide' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('budget' as const), budget: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('job' as const, 'away' as const, 'back' as const), gateway }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom('begin' as const, 'end' as const, 'confirm' as const), gateway }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('up' as const, 'down' as const),
      at: fc.nat(20),
      isKept: fc.boolean(),
    }),
  },
)

describe('whatever happens to gateways and messages', () => {
  it('no more devices are at work together than the budget, but for those already at work when it was lowered', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(move, { maxLength: 150 }), (budget, moves) => {
        const world = newWorld(budget)
        for (const one of moves) {
          const heldBefore = world.gateways.reduce((sum, { row }) => sum + row.held, 0)
          play(world, one)
          const held = world.gateways.reduce((sum, { row }) => sum + row.held, 0)
          expect(held).toBeLessThanOrEqual(Math.max(world.budget, heldBefore))
          for (const { row, atWork: working } of world.gateways) expect(working).toBeLessThanOrEqual(row.held)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('once messages arrive, every gateway with work has its turn and all of the budget is used', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(move, { maxLength: 60 }), (budget, moves) => {
        const world = newWorld(budget)
        for (const one of moves) play(world, one)
        for (let place = 0; place < gatewayCount; place++) play(world, { kind: 'back', gateway: place })
        for (
          let round = 0;
          round < 200 && world.gateways.some(({ jobs, atWork: working }) => jobs + working > 0);
          round++
        ) {
          for (let place = 0; place < gatewayCount; place++) play(world, { kind: 'confirm', gateway: place })
          while (world.up.length > 0) play(world, { kind: 'up', at: 0, isKept: false })
          play(world, { kind: 'divide' })
          while (world.down.length > 0) play(world, { kind: 'down', at: 0, isKept: false })
          for (let place = 0; place < gatewayCount; place++) {
            play(world, { kind: 'end', gateway: place })
            play(world, { kind: 'begin', gateway: place })
          }
        }
        expect(world.gateways.map(({ jobs, atWork: working }) => jobs + working)).toEqual([0, 0, 0])
      }),
    )
  })
})
