import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestDevice } from './installation-fixture.ts'
import { findLedgerErrors } from './ledger/movements.ts'
import type { Customer } from './ledger-fixture.ts'
import { createTwoProcesses, type Got, type Sent, type TwoProcesses } from './two-processes.ts'

// long runs: OCELLI_PROPERTY_RUNS=200 OCELLI_PROPERTY_SEED=$RANDOM npx vitest run apps/platform/test/request-batches.property.test.ts
const seed = Number(process.env.OCELLI_PROPERTY_SEED ?? 20_261_123)
const numRuns = Number(process.env.OCELLI_PROPERTY_RUNS ?? 5)
const secondsPerRun = 60
const devices = 10

let platform: TwoProcesses
beforeAll(async () => {
  platform = await createTwoProcesses()
})
afterAll(() => platform?.close())

interface Request {
  customer: number
  device: number
  kind: 'install' | 'update' | 'uninstall' | 'start' | 'stop'
  licenseType: 'FULL' | 'TRIAL' | 'SUBSCRIPTION'
  version: string | null
  process: 'first' | 'second'
  /** Requests of a run with the same number send the same key. */
  key: number | null
  copies: number
}

const request: fc.Arbitrary<Request> = fc.record({
  customer: fc.nat({ max: 1 }),
  // one more than there are
  device: fc.nat({ max: devices }),
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('install' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom('update' as const, 'uninstall' as const, 'start' as const, 'stop' as const),
    },
  ),
  licenseType: fc.constantFrom('FULL', 'FULL', 'TRIAL', 'SUBSCRIPTION'),
  version: fc.constantFrom(null, null, '1.0.1', '1.0.2', '9.9'),
  process: fc.constantFrom('first', 'second'),
  key: fc.option(fc.nat({ max: 3 }), { freq: 2 }),
  copies: fc.constantFrom(1, 1, 2),
})
const wave = fc
  .array(request, { minLength: 25, maxLength: 45 })
  .map((requests) => requests.flatMap((one) => Array<Request>(one.copies).fill(one)))
const waves = fc.array(wave, { minLength: 2, maxLength: 4 })

interface World {
  customers: { customer: Customer; devices: TestDevice[] }[]
  run: string
}

async function createWorld(): Promise<World> {
  const customers = await Promise.all(
    [0, 1].map(async () => {
      const customer = await platform.ledger.customer()
      for (const [licenseType, total] of [
        ['FULL', 3],
        ['FULL', 2],
        ['TRIAL', 2],
        ['SUBSCRIPTION', 3],
      ] as const) {
        await customer.order(total, licenseType)
      }
      return { customer, devices: await Promise.all(Array.from({ length: devices }, () => customer.device())) }
    }),
  )
  return { customers, run: customers.map(({ customer }) => customer.appId).join() }
}

function toSent({ customers, run }: World, { customer: number, kind, ...asked }: Request): Sent & { deviceId: string } {
  const { customer, devices: own } = customers[number] ?? customers[0] ?? fail()
  const deviceId = own[asked.device]?.deviceId ?? 'nowhere'
  const path = customer.installPath(deviceId)
  const rest = { deviceId, by: customer.account, ...(asked.key === null ? {} : { key: `${run}-${asked.key}` }) }
  switch (kind) {
    case 'install': {
      const body = { licenseType: asked.licenseType, ...(asked.version ? { version: asked.version } : {}) }
      return { method: 'PUT', url: path, body, ...rest }
    }
    case 'update':
      return { method: 'POST', url: path, ...rest }
    case 'uninstall':
      return { method: 'DELETE', url: path, ...rest }
    default:
      return { method: 'POST', url: `${path}/state/${kind === 'start' ? 'RUNNING' : 'NOT_RUNNING'}`, ...rest }
  }
}

const fail = (): never => {
  throw new Error('There are two customers.')
}

/** What is wrong with an answer, by what it says and by the events that its request has made. */
async function errorsOf(sent: Sent & { deviceId: string }, got: Got): Promise<string[]> {
  const events = await platform.eventsOf(got)
  const requested = events.filter((type) => type === 'installation.requested').length
  const wrong: string[] = []
  if (got.status >= 500 && got.status !== 503) wrong.push(`answered ${got.status}`)
  if (got.status < 400 && got.body.deviceId !== sent.deviceId) wrong.push('answered with another device')
  if (got.status >= 400 && !got.isReplay && got.body.requestId !== got.requestId) wrong.push("another's problem")
  if ((got.status >= 400 || got.isReplay) && events.length > 0) wrong.push(`nothing done, but told ${events}`)
  if (got.status === 200 && requested > 0) wrong.push('nothing to do, but something requested')
  if (requested > 1) wrong.push('done twice')
  return wrong.map((error) => `${JSON.stringify(sent)} ${got.status}: ${error}`)
}

/** Each step of a device's revision was told, by the request that made it. */
async function untoldRevisions(accountId: string): Promise<unknown[]> {
  const { rows } = await sql`
    SELECT d.device_id, d.revision, count(e.event_id)::int AS told FROM device_channel d LEFT JOIN event e
      ON e.account_id = d.account_id AND e.device_id = d.device_id
        AND (e.type = 'installation.requested' OR (e.type = 'installation.state-changed' AND e.data->>'reason' = 'cancelled'))
    WHERE d.account_id = ${accountId} GROUP BY d.device_id, d.revision HAVING d.revision <> count(e.event_id)`.execute(
    platform.db,
  )
  return rows
}

test('whatever comes at once, every request gets its own answer, each change is told once, and no unit is lost', {
  timeout: (numRuns + 1) * secondsPerRun * 1000,
}, async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(waves, async (given) => {
      const world = await createWorld()
      const kept = new Map<string, string>()
      for (const wave of given) {
        const sent = wave.map((one) => toSent(world, one))
        const answers = await Promise.all(sent.map((one, at) => platform[wave[at]?.process ?? 'first'](one)))
        for (const [at, got] of answers.entries()) {
          const one = sent[at]
          if (!one) continue
          expect(await errorsOf(one, got)).toEqual([])
          const code = got.body.code ?? ''
          const outcome = got.isReplay ? 'replayed' : got.status < 400 ? String(got.status) : code
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
          if (!one.key || ['idempotency-key-in-use', 'idempotency-key-reused', 'unavailable'].includes(code)) continue
          const scope = `${one.method} ${one.url} ${one.key}`
          const text = JSON.stringify(got.body)
          expect(kept.get(scope) ?? text).toBe(text)
          kept.set(scope, text)
        }
        for (const { customer, devices: own } of world.customers) {
          expect(await findLedgerErrors(platform.db, customer.accountId)).toEqual([])
          for (const device of own.slice(0, 5)) await customer.converge(device)
          expect(await untoldRevisions(customer.accountId)).toEqual([])
        }
      }
    }),
    // what runs at once does not run the same way twice, so a smaller history would prove nothing
    { seed, numRuns, endOnFailure: true },
  )
  // histories in which little happens would prove little
  for (const outcome of ['200', '202', 'replayed', 'not-found', 'no-free-license', 'app-not-installed', 'downgrade']) {
    expect([outcome, seen.get(outcome) ?? 0]).not.toEqual([outcome, 0])
  }
})
