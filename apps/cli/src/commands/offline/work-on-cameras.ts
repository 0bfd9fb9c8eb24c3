import { randomBytes, randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import type { Driver } from '@ocelli/driver'
import { signReceipt } from '@ocelli/license'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import type { CameraOutcome } from '../../offline/apply-bundle.ts'
import { type CameraLogin, drivers, openCamera } from '../../offline/open-camera.ts'
import { openReceiptBook, type ReceiptBook } from '../../offline/receipt-book.ts'
import { receiptKey } from '../../offline/receipt-key.ts'
import { fileFailed } from '../../profile/private-file.ts'
import { whileLocked } from '../../profile/while-locked.ts'

type Signing = Pick<CommandContext, 'configFolder' | 'clock' | 'signal'>

export const openAnyCamera = (camera: CameraLogin, signal: AbortSignal): Promise<Driver> =>
  openCamera(camera, { drivers, signal })

export const bookOf = ({ configFolder, clock }: Signing, bundleId: string): Promise<ReceiptBook> =>
  openReceiptBook({ folder: join(configFolder, 'receipts'), name: bundleId, nowMs: clock.nowMs, randomBytes })

/** Everything booked for a bundle, also by other commands, signed by this machine; null when nothing was. */
export async function signBook(book: ReceiptBook, bundleId: string, context: Signing): Promise<string | null> {
  const entries = await book.entries()
  if (entries.length === 0) return null
  const { key } = await receiptKey(context)
  const iat = Math.floor(context.clock.nowMs() / 1000)
  return await signReceipt({ key, claims: { jti: randomUUID(), bundle: bundleId, iat, entries: [...entries] } })
}

/** Of several commands for a bundle, the last one to write has what all of them booked. Writes nothing when nothing was. */
export async function writeReceipt(
  book: ReceiptBook,
  { bundleId, file }: { bundleId: string; file: string },
  context: Signing & Pick<CommandContext, 'cwd' | 'say'>,
): Promise<void> {
  const { configFolder, cwd, say } = context
  const path = isAbsolute(file) ? file : join(cwd, file)
  const isWritten = await whileLocked(join(configFolder, 'receipts', bundleId), context, async () => {
    const receipt = await signBook(book, bundleId, context)
    if (receipt === null) return false
    await writeFile(path, `${receipt}\n`).catch((error: unknown) => {
      throw fileFailed(`${path} cannot be written`, error)
    })
    return true
  })
  if (!isWritten) return
  say(`The receipt is ${path}. Bring it home with: ocelli offline report ${file}`)
}

interface Row {
  address: string
  deviceId: string | null
  appId: string | null
  result: CameraOutcome['apps'][number]['result'] | 'SKIPPED'
  detail: string | null
  code: string | null
}

/** Tells what became of the cameras. 1 when anything failed, or nothing was done at all. */
export async function tellOutcomes(outcomes: CameraOutcome[], { out }: CommandContext): Promise<ExitCode> {
  const rows = outcomes.flatMap<Row>(({ address, deviceId, apps, error }) => {
    if (error) return [{ address, deviceId, appId: null, result: 'FAILED', detail: error.detail, code: error.code }]
    if (apps.length === 0) {
      const detail = 'The bundle has nothing for this camera.'
      return [{ address, deviceId, appId: null, result: 'SKIPPED', detail, code: 'not-in-bundle' }]
    }
    return apps.map((app) => ({ address, deviceId, ...app, code: null }))
  })
  await out.list(rows, [
    { heading: 'ADDRESS', value: ({ address }) => address },
    { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
    { heading: 'APP', value: ({ appId }) => appId },
    { heading: 'RESULT', value: ({ result }) => result },
    { heading: 'WHY', value: ({ detail }) => detail },
  ])
  const isDone = ({ result }: Row) => result === 'INSTALLED' || result === 'REMOVED'
  const hasFailed = rows.some(({ result }) => result === 'FAILED' || result === 'REFUSED') || !rows.some(isDone)
  return hasFailed ? exitCodes.someFailed : exitCodes.ok
}
