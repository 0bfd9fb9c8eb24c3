import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type PublicLicenseKey, verifyReceipt } from '@ocelli/license'
import { systemClock } from '@ocelli/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { receiptKey } from '../src/offline/receipt-key.ts'

const program = fileURLToPath(new URL('./at-once.ts', import.meta.url))
const names = ['one', 'two', 'three']
const count = 20
const bundleId = randomUUID()

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-at-once-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Starts the program and waits until it can begin at once. */
async function ready(folder: string, name: string): Promise<ChildProcess> {
  const child = fork(program, [folder, name, String(count), bundleId])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  return child
}

/** Lets them all begin; gives the ids of the keys that each of them signs by. */
async function letBegin(children: ChildProcess[]): Promise<string[]> {
  const said = children.map((child) => once(child, 'message'))
  const ended = children.map((child) => once(child, 'exit'))
  for (const child of children) child.send('begin')
  expect((await Promise.all(ended)).map(([code]) => code)).toEqual(children.map(() => 0))
  return (await Promise.all(said)).map(([keyId]) => keyId)
}

test('commands that write at once lose nothing that another one wrote', async () => {
  const folder = await openFolder()
  const keyIds = await letBegin(await Promise.all(names.map((name) => ready(folder, name))))
  const read = async (file: string) => await readFile(join(folder, file), 'utf8')
  const all = names.flatMap((name) => Array.from({ length: count }, (_, number) => `${name}-${number}`)).sort()

  expect(Object.keys(JSON.parse(await read('profiles.json')).profiles).sort()).toEqual(all)
  expect(JSON.parse(await read('trusted-roots.json'))).toHaveLength(all.length)
  const signal = AbortSignal.timeout(60_000)
  const { publicKey } = await receiptKey({ configFolder: folder, clock: systemClock, signal })
  expect(keyIds).toEqual(names.map(() => publicKey.kid))
  const receipt = await verifyReceipt((await read('receipt.jws')).trim(), { trust: [publicKey as PublicLicenseKey] })
  expect(receipt.valid && receipt.claims.entries.map(({ deviceId }) => deviceId).sort()).toEqual(all)
  expect((await readdir(folder, { recursive: true })).filter((file) => /\.(lock|tmp)/.test(file))).toEqual([])
})
