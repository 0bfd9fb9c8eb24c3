import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { filteredModel } from './fleet.ts'
import { type Call, type Caller, createCaller, runRound } from './load.ts'
import type { PlatformProcess } from './platform-process.ts'
import { median, print, printFigure } from './report.ts'
import { measureServerTime } from './server-time.ts'

const rounds = 5
const callsPerRound = 300
const concurrency = 10

/** Filtered lists against the reference, and the last page against the first. */
export async function benchLists(platform: PlatformProcess): Promise<void> {
  const caller = createCaller(concurrency)
  try {
    await compareWithReference(platform, caller)
    await comparePages(platform, caller)
  } finally {
    caller.close()
  }
}

async function compareWithReference(platform: PlatformProcess, caller: Caller): Promise<void> {
  const reference = await startReference(platform)
  try {
    const ours = listCall(platform, `model=${encodeURIComponent(filteredModel)}&size=1000`)
    const sides = {
      platform: ours,
      text: { url: `${reference.url}/text` },
      columns: { url: `${reference.url}/columns` },
    }
    await requireSameRows(caller, sides)
    const perSecond: Record<keyof typeof sides, number[]> = { platform: [], text: [], columns: [] }
    const names = Object.keys(sides) as (keyof typeof sides)[]
    for (const name of names) await repeat(caller, sides[name], { times: 200, concurrency })
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const measured = await repeat(caller, sides[name], { times: callsPerRound, concurrency })
        perSecond[name].push(measured.perSecond)
      }
    }
    printFigure('list of 1000 by model, platform, 10 at a time', perSecond.platform, { unit: '/s' })
    printFigure('  bare node:http + pg, the same stored text', perSecond.text, { unit: '/s' })
    printFigure('  bare node:http + pg, rows and JSON.stringify', perSecond.columns, { unit: '/s' })
    const ratios = (other: number[]) => perSecond.platform.map((value, round) => value / (other[round] ?? Number.NaN))
    const target = { value: 0.7, isAtLeast: true }
    printFigure('  ratio to the same stored text', ratios(perSecond.text), { unit: '', digits: 2, target })
    printFigure('  ratio to rows and JSON.stringify', ratios(perSecond.columns), { unit: '', digits: 2 })
    for (const name of names) {
      const p50s: number[] = []
      for (let round = 0; round < rounds; round++) {
        p50s.push(median((await repeat(caller, sides[name], { times: 100, concurrency: 1 })).latenciesMs))
      }
      printFigure(`  p50 one at a time, seen by the client: ${name}`, p50s, { unit: 'ms', digits: 2 })
    }
    await printServerTime(platform, () => repeat(caller, ours, { times: 100, concurrency: 1 }))
  } finally {
    await reference.stop()
  }
}

/** p50 is at most 4 ms when at least half of the answers are. */
async function printServerTime(platform: PlatformProcess, ask: () => Promise<unknown>): Promise<void> {
  const meansMs: number[] = []
  const shares: number[] = []
  for (let round = 0; round < rounds; round++) {
    const measured = await measureServerTime(platform, { route: '/device/v1/devices', boundMs: 4 }, async () => {
      await ask()
    })
    meansMs.push(measured.meanMs)
    shares.push(measured.shareWithin * 100)
  }
  printFigure('  mean server time, one at a time', meansMs, { unit: 'ms', digits: 2 })
  const target = { value: 50, isAtLeast: true }
  printFigure('  answered within 4 ms of server time', shares, { unit: '%', digits: 0, target })
}

/** Otherwise the comparison would say nothing. */
async function requireSameRows(caller: Caller, sides: Record<string, Call>): Promise<void> {
  const ids = await Promise.all(
    Object.values(sides).map(async (side) => {
      const { text, bytes } = await caller.call(side, { keepText: true })
      const { items } = JSON.parse(text) as { items: { deviceId: string }[] }
      return { bytes, count: items.length, ids: items.map(({ deviceId }) => deviceId).join() }
    }),
  )
  if (ids.some((side) => side.count !== 1000 || side.ids !== ids[0]?.ids)) {
    throw new Error('The reference answers other rows than the platform.')
  }
  print(`each answer has ${ids.map(({ bytes }) => `${(bytes / 1000).toFixed(0)} kB`).join(', ')}`)
}

async function comparePages(platform: PlatformProcess, caller: Caller): Promise<void> {
  const first = listCall(platform, 'size=1000')
  const last = await findLastPage(platform, caller)
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const firstMs = median((await repeat(caller, first, { times: 100, concurrency: 1 })).latenciesMs)
    const lastMs = median((await repeat(caller, last, { times: 100, concurrency: 1 })).latenciesMs)
    ratios.push(lastMs / firstMs)
  }
  const target = { value: 1.2, isAtLeast: false }
  printFigure('last full page by cursor against the first, p50', ratios, { unit: '', digits: 2, target })
}

/** Walks the whole list; the last page that is full, as the first is. */
async function findLastPage(platform: PlatformProcess, caller: Caller): Promise<Call> {
  let last = listCall(platform, 'size=1000')
  for (let next = last, seen = 0; ; ) {
    const { text } = await caller.call(next, { keepText: true })
    const { items, nextCursor } = JSON.parse(text) as { items: unknown[]; nextCursor: string | null }
    seen += items.length
    if (items.length === 1000) last = next
    if (nextCursor === null) {
      print(`${seen} devices seen by walking the cursor`)
      return last
    }
    next = listCall(platform, `size=1000&cursor=${nextCursor}`)
  }
}

const listCall = ({ url, accessToken }: PlatformProcess, query: string): Call => ({
  url: `${url}/device/v1/devices?${query}`,
  headers: { authorization: `Bearer ${accessToken}` },
})

const repeat = (caller: Caller, call: Call, { times, concurrency: at }: { times: number; concurrency: number }) =>
  runRound(caller, Array<Call>(times).fill(call), { concurrency: at })

async function startReference({ connectionString, pool }: PlatformProcess) {
  const { rows } = await pool.query<{ account_id: string }>('SELECT account_id FROM account WHERE is_operator')
  const child = fork(fileURLToPath(new URL('./main.ts', import.meta.url)), ['reference-server'], {
    env: { ...process.env, REFERENCE_DATABASE: connectionString, REFERENCE_ACCOUNT: rows[0]?.account_id },
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
