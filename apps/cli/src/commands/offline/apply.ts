import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import type { CommandContext } from '../../command-context.ts'
import type { ExitCode } from '../../exit-code.ts'
import { applyBundle, type CameraOutcome } from '../../offline/apply-bundle.ts'
import { type OpenBundle, openBundle } from '../../offline/bundle-file.ts'
import { OfflineError } from '../../offline/offline-error.ts'
import type { CameraLogin } from '../../offline/open-camera.ts'
import type { ReceiptBook } from '../../offline/receipt-book.ts'
import { removeByBundle } from '../../offline/remove-by-bundle.ts'
import { rememberRoot, trustedRoots } from '../../offline/trusted-roots.ts'
import { type CameraFlags, chooseCameras } from './choose-cameras.ts'
import { bookOf, openAnyCamera, tellOutcomes, writeReceipt } from './work-on-cameras.ts'

interface OnBundleFlags extends CameraFlags {
  root?: string
  receipt?: string
}

export interface ApplyFlags extends OnBundleFlags {
  start?: boolean
}

export interface RemoveFlags extends OnBundleFlags {
  app?: string
}

type Work = (parts: { bundle: OpenBundle; cameras: CameraLogin[]; book: ReceiptBook }) => Promise<CameraOutcome[]>

export async function apply(file: string, flags: ApplyFlags, context: CommandContext): Promise<ExitCode> {
  return await onBundle(file, { flags, context }, ({ bundle, cameras, book }) =>
    installFrom(bundle, { cameras, book, flags, context }),
  )
}

/** Installs what a bundle has for these cameras, and tells how far each is. */
export async function installFrom(
  bundle: OpenBundle,
  {
    cameras,
    book,
    flags,
    context,
  }: {
    cameras: CameraLogin[]
    book: ReceiptBook
    flags: { start?: boolean; concurrency: number }
    context: CommandContext
  },
): Promise<CameraOutcome[]> {
  const { clock, signal, progress } = context
  return await progress.run('Installing', async (tell) => {
    const steps = new Map<string, string>()
    let done = 0
    const show = () => {
      const lines = [...steps].map(([address, text]) => `\n    ${address.padEnd(28)} ${text}`)
      tell(`${done} of ${cameras.length} done${lines.join('')}`)
    }
    return await applyBundle({
      ...{ bundle, cameras, book, signal, concurrency: flags.concurrency, start: flags.start ?? false },
      openCamera: openAnyCamera,
      now: () => new Date(clock.nowMs()),
      onProgress: ({ address, step: { step, percent } }) => {
        const share = percent === null ? '' : ` ${bar(percent)} ${Math.round(percent)} %`
        steps.set(address, `${step.toLowerCase()}${share}`)
        show()
      },
      onCamera: ({ address }) => {
        steps.delete(address)
        done++
        show()
      },
    })
  })
}

const bar = (percent: number): string => '#'.repeat(Math.round(percent / 5)).padEnd(20, '.')

export async function remove(file: string, flags: RemoveFlags, context: CommandContext): Promise<ExitCode> {
  const { concurrency, app } = flags
  const { signal } = context
  await context.confirm('Remove apps, with what they have stored on the cameras?')
  return await onBundle(file, { flags, context }, ({ bundle, cameras, book }) =>
    context.progress.run('Removing', () =>
      removeByBundle({
        ...{ claims: bundle.claims, appId: app ?? null, cameras, openCamera: openAnyCamera, book, concurrency, signal },
      }),
    ),
  )
}

async function onBundle(
  file: string,
  { flags, context }: { flags: OnBundleFlags; context: CommandContext },
  work: Work,
): Promise<ExitCode> {
  const { cwd, configFolder, say } = context
  const path = isAbsolute(file) ? file : join(cwd, file)
  const folder = join(configFolder, 'unpacked', randomUUID())
  try {
    const bundle = await openTrusted(path, { folder, root: flags.root, context })
    if (bundle.clock === 'clock-unreliable') {
      say("Beware: this machine's clock is before the bundle was made, so whether it has ended cannot be told.")
    }
    const cameras = await chooseCameras(flags, context)
    const { jti } = bundle.claims
    const book = await bookOf(context, jti)
    try {
      const outcomes = await work({ bundle, cameras, book })
      const code = await tellOutcomes(outcomes, context)
      await writeReceipt(book, { bundleId: jti, file: flags.receipt ?? `ocelli-receipt-${jti}.jws` }, context)
      return code
    } finally {
      await book.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Opens a bundle by the first of the trusted roots that it comes from. */
async function openTrusted(
  path: string,
  { folder, root, context }: { folder: string; root: string | undefined; context: CommandContext },
): Promise<OpenBundle> {
  const { configFolder, clock, signal } = context
  const roots = await trustedRoots(configFolder, root)
  let refusal: unknown
  for (const rootThumbprint of roots) {
    try {
      const bundle = await openBundle(path, { rootThumbprint, now: new Date(clock.nowMs()), folder, signal })
      if (root !== undefined) await rememberRoot(context, { thumbprint: rootThumbprint, url: null })
      return bundle
    } catch (error) {
      if (!(error instanceof OfflineError && error.code === 'bundle-unknown-key')) throw error
      refusal = error
    }
  }
  throw refusal
}
