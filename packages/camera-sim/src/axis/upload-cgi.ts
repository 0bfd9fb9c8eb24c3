import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FaultSet, Reboot } from '../faults.ts'
import type { Answer, Exchange } from '../http/exchange.ts'
import { type SimTime, waitMs } from '../time.ts'
import { type Cgi, errorCode, ok } from './cgi.ts'
import type { EapInstaller } from './eap-installer.ts'
import { boundaryOf, readFilePart } from './multipart.ts'

export interface UploadCgiOptions {
  faults: FaultSet
  time: SimTime
  installer: EapInstaller
  temporaryFolder: string
  freeBytes: () => number
  power: () => AbortSignal
  reboot: (plan: Reboot) => void
}

const codes = { invalidPackage: 1, tooLarge: 3, uploadRunning: 12 }

/** upload.cgi: one multipart upload at a time; the answer comes when the app is installed. */
export function createUploadCgi(options: UploadCgiOptions): Cgi {
  const { faults } = options
  let isUploading = false
  return {
    operation: 'upload',
    needs: 'administrator',
    isWrite: true,
    async run({ exchange }) {
      if (exchange.method !== 'POST') return { status: 405, headers: { Allow: 'POST' } }
      const refused = faults.get('refuseUpload')
      if (refused !== undefined) return { status: refused, headers: { Connection: 'close' } }
      if (isUploading || faults.get('uploadBusy')) return closing(errorCode(codes.uploadRunning))
      isUploading = true
      try {
        return await takeUpload(exchange, options)
      } finally {
        isUploading = false
      }
    },
  }
}

/** The body that still comes is not waited for. */
const closing = (answer: Answer): Answer => ({ ...answer, headers: { Connection: 'close' } })

async function takeUpload(exchange: Exchange, options: UploadCgiOptions): Promise<Answer> {
  const { faults, installer } = options
  const boundary = boundaryOf(exchange.request.headers['content-type'])
  if (boundary === null) return closing(errorCode(codes.invalidPackage))
  const length = Number(exchange.request.headers['content-length'] ?? Number.POSITIVE_INFINITY)
  if (faults.get('flashFull') || length > options.freeBytes()) return closing(errorCode(codes.tooLarge))
  const folder = await mkdtemp(join(options.temporaryFolder, 'ocelli-camera-'))
  try {
    exchange.acceptBody()
    const part = await readFilePart(watchBytes(exchange, options), boundary)
    if (part === null) return closing(errorCode(codes.invalidPackage))
    const path = join(folder, 'package.eap')
    await pipeline(Readable.from(part.content), createWriteStream(path), { signal: exchange.signal })
    // A part without file name is answered so by real cameras.
    if (part.fileName === null || part.fileName === '') return errorCode(codes.tooLarge)
    const code = await installer.install(path, options.power())
    return code === null ? ok() : errorCode(code)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The body, with the faults that strike in the middle of it. */
async function* watchBytes(exchange: Exchange, { faults, time, reboot }: UploadCgiOptions): AsyncGenerator<Buffer> {
  const total = Number(exchange.request.headers['content-length'] ?? 0)
  let size = 0
  for await (const chunk of exchange.request as AsyncIterable<Buffer>) {
    size += chunk.length
    const cutAfter = faults.get('dropUploadAfterBytes')
    if (cutAfter !== undefined && size >= cutAfter) exchange.cut()
    const rebooting = size * 2 >= total ? faults.takeReboot('upload') : null
    if (rebooting !== null) reboot(rebooting)
    const bytesPerSecond = faults.get('uploadBytesPerSecond')
    if (bytesPerSecond !== undefined) {
      await waitMs((chunk.length / bytesPerSecond) * 1000, { time, signal: exchange.signal })
    }
    exchange.signal.throwIfAborted()
    yield chunk
  }
}
