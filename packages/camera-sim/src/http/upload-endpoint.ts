import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Installer } from '../apps/installer.ts'
import { packageFormats } from '../apps/operations.ts'
import type { Gatekeeper } from '../auth/gatekeeper.ts'
import type { FaultSet, Reboot } from '../faults.ts'
import type { LoggedRequest } from '../request-log.ts'
import { type SimTime, waitMs } from '../time.ts'
import type { Exchange } from './exchange.ts'
import { answerVerdict } from './soap-endpoint.ts'

export interface UploadEndpointOptions {
  gatekeeper: Gatekeeper
  faults: FaultSet
  installer: Installer
  time: SimTime
  maxPackageBytes: number
  /** Storage left for packages. */
  freeBytes: () => number
  uploadTimeoutMs: number
  temporaryFolder: string
  onWrite: () => void
  reboot: (plan: Reboot) => void
}

/** Takes a package as the raw body of a POST, streamed to a file that is gone when the answer is. */
export async function answerUpload(
  exchange: Exchange,
  options: UploadEndpointOptions & { entry: LoggedRequest },
): Promise<void> {
  const { entry } = options
  entry.operation = 'Upload'
  if (exchange.method !== 'POST') return exchange.reply({ status: 405, headers: { Allow: 'POST' } })
  const { authorization } = exchange.request.headers
  entry.credentials = authorization === undefined ? 'none' : 'digest'
  const verdict = options.gatekeeper.authorize({
    access: 'WRITE_SYSTEM',
    method: exchange.method,
    target: exchange.target,
    authorization,
    security: undefined,
    isSoap: false,
  })
  entry.authenticated = verdict.kind === 'granted'
  const denial = answerVerdict(verdict)
  if (denial !== null) return exchange.reply(denial)
  options.onWrite()
  const status = judgeHeaders(exchange, options)
  // The body that still comes is not waited for.
  if (status !== null) return exchange.reply({ status, headers: { Connection: 'close' } })
  await takeBody(exchange, options)
}

/** The status that refuses the upload by its headers alone; null when its body is wanted. */
function judgeHeaders({ request }: Exchange, options: UploadEndpointOptions): number | null {
  const refusal = options.faults.get('refuseUpload')
  if (refusal !== undefined) return refusal
  const length = request.headers['content-length']
  if (length === undefined) return 411
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!packageFormats.includes(type)) return 415
  if (Number(length) > options.maxPackageBytes) return 413
  return Number(length) > options.freeBytes() ? 507 : null
}

async function takeBody(exchange: Exchange, options: UploadEndpointOptions): Promise<void> {
  const folder = await mkdtemp(join(options.temporaryFolder, 'ocelli-camera-'))
  try {
    const path = join(folder, 'package')
    exchange.acceptBody()
    if (!(await store(exchange, path, options))) {
      return await exchange.reply({ status: 408, headers: { Connection: 'close' } })
    }
    await install(exchange, path, options)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function install(exchange: Exchange, path: string, options: UploadEndpointOptions): Promise<void> {
  const { faults, installer, time } = options
  const sizeBytes = Number(exchange.request.headers['content-length'])
  const lateMs = faults.get('lateIdentificationMs')
  if (lateMs === undefined) {
    const receipt = await installer.receive(path, { sizeBytes, signal: exchange.signal })
    if (receipt.kind === 'busy') return exchange.reply({ status: 503, headers: { 'Retry-After': '1' } })
    return exchange.reply({ status: 200 })
  }
  await exchange.reply({ status: 200 })
  // The client is gone by then; only the camera's own end stops this.
  const { promise, resolve } = Promise.withResolvers<void>()
  time.after(lateMs, resolve)
  await promise
  await installer.receive(path, { sizeBytes, signal: new AbortController().signal })
}

/** Writes the body to the file; false when it took too long. Rejects when the connection ends before the body does. */
async function store(exchange: Exchange, path: string, options: UploadEndpointOptions): Promise<boolean> {
  const timeout = new AbortController()
  const cancel = options.time.after(options.uploadTimeoutMs, () => timeout.abort())
  try {
    const signal = AbortSignal.any([exchange.signal, timeout.signal])
    // Piped by hand: a pipeline would destroy the request with the rest, and the answer 408 needs its socket.
    const body = exchange.request.pipe(watchBytes(exchange, options))
    await pipeline(body, createWriteStream(path), { signal })
    return true
  } catch (error) {
    if (timeout.signal.aborted && !exchange.signal.aborted) return false
    throw error
  } finally {
    cancel()
  }
}

/** Carries out the faults that strike in the middle of an upload. */
function watchBytes(exchange: Exchange, { faults, reboot, time }: UploadEndpointOptions): Transform {
  const total = Number(exchange.request.headers['content-length'])
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      const cutAfter = faults.get('dropUploadAfterBytes')
      if (cutAfter !== undefined && size >= cutAfter) exchange.cut()
      const rebooting = size * 2 >= total ? faults.takeReboot('upload') : null
      if (rebooting !== null) reboot(rebooting)
      const bytesPerSecond = faults.get('uploadBytesPerSecond')
      if (bytesPerSecond === undefined) return done(null, chunk)
      const delayMs = (chunk.length / bytesPerSecond) * 1000
      waitMs(delayMs, { time, signal: exchange.signal }).then(() => done(null, chunk), done)
    },
  })
}
