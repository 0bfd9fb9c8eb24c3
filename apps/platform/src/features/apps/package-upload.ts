import { Readable } from 'node:stream'
import { type AppPackage, PackageError, readAppPackage } from '@ocelli/app-package'
import { AppId } from '@ocelli/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import { Value } from 'typebox/value'
import type { BlobStore, StagedBlob } from '../../platform/blob-store/blob-store.ts'
import type { Database, DatabaseTransaction } from '../../platform/database/database.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Received } from '../../platform/http/route.ts'

export const packageMediaTypes = ['application/octet-stream', 'application/vnd.android.package-archive']

/** A package that has arrived and been read; nothing names it yet. */
export interface UploadedPackage {
  content: AppPackage
  blob: StagedBlob
}

export interface UploadDeps {
  db: Database
  blobs: BlobStore
  /** bytes */
  maxPackageBytes: number
}

/** Lets bodies of the package types through as streams to the routes that take them, however large they are. */
export function acceptPackages(app: FastifyInstance): void {
  app.addContentTypeParser(packageMediaTypes, (request, payload, done) => {
    const takesFiles = request.routeOptions.schema?.consumes?.includes('application/octet-stream')
    if (takesFiles) done(null, payload)
    else
      done(
        new ProblemError(
          'unsupported-media-type',
          `This takes no file of the type ${request.headers['content-type']}.`,
        ),
      )
  })
  // a refusal that comes before the body was read: the rest of it is not waited for
  app.addHook('onSend', async (request, reply) => {
    if (request.body instanceof Readable && !request.body.readableEnded) reply.header('connection', 'close')
  })
}

/** Takes in a package, reads it and puts it into the store; what no version names in the end is removed again. */
export async function receivePackage(deps: UploadDeps, request: FastifyRequest): Promise<Received<UploadedPackage>> {
  const { db, blobs, maxPackageBytes } = deps
  if (!(request.body instanceof Readable)) {
    throw new ProblemError('unsupported-media-type', `Send the package itself, as ${packageMediaTypes.join(' or ')}.`)
  }
  const left = new AbortController()
  const onClose = () => left.abort(new ProblemError('invalid-request', 'The upload was broken off.'))
  request.raw.socket.once('close', onClose)
  try {
    const limits = { maxBytes: maxPackageBytes, signal: left.signal }
    if (Number(request.headers['content-length'] ?? 0) > maxPackageBytes) {
      throw new ProblemError('payload-too-large', `Packages of up to ${maxPackageBytes} bytes are accepted here.`)
    }
    const blob = await blobs.receive(request.body, limits).catch(asUploadProblem)
    const dispose = async () => {
      await blob.discard()
      await removeUnnamed(deps, blob.sha256)
    }
    try {
      const content = await readPackage(blob.path, left.signal)
      await sql`INSERT INTO blob (sha256, size) VALUES (${blob.sha256}, ${blob.size})
        ON CONFLICT (sha256) DO UPDATE SET created_at = now()`.execute(db)
      await blob.keep()
      return { digest: blob.sha256, value: { content, blob }, dispose }
    } catch (error) {
      await dispose()
      throw error
    }
  } finally {
    request.raw.socket.off('close', onClose)
  }
}

/** Whoever names a blob or removes it holds this lock: a blob that a version names is never removed. */
export async function lockBlob(transaction: DatabaseTransaction, sha256: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`blob/${sha256}`}, 0))`.execute(transaction)
}

/** Removes the bytes of interrupted and refused uploads. Called at start; uploads of the last day are left alone. */
export async function sweepBlobs(deps: { db: Database; blobs: BlobStore }): Promise<{ removed: number }> {
  const { rows } = await sql<{ sha256: string }>`SELECT sha256 FROM blob b WHERE created_at < now() - interval '1 day'
    AND NOT EXISTS (SELECT 1 FROM app_package p WHERE p.sha256 = b.sha256)`.execute(deps.db)
  for (const { sha256 } of rows) await removeUnnamed(deps, sha256)
  return { removed: rows.length }
}

async function removeUnnamed({ db, blobs }: { db: Database; blobs: BlobStore }, sha256: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await lockBlob(transaction, sha256)
    const named = await transaction
      .selectFrom('app_package')
      .select('package_id')
      .where('sha256', '=', sha256)
      .limit(1)
      .execute()
    if (named.length > 0) return
    await blobs.remove(sha256)
    await transaction.deleteFrom('blob').where('sha256', '=', sha256).execute()
  })
}

async function readPackage(path: string, signal: AbortSignal): Promise<AppPackage> {
  const content = await readAppPackage(path, { signal }).catch((error: unknown) => {
    if (!(error instanceof PackageError)) throw error
    throw new ProblemError(error.code === 'unsigned' ? 'package-unsigned' : 'package-invalid', error.detail, {
      errors: [{ pointer: '', code: error.code, detail: error.detail }],
      cause: error,
    })
  })
  const isUsableId: boolean = Value.Check(AppId, content.appId)
  if (!isUsableId) throw invalid(`the app id "${content.appId.slice(0, 100)}" is not usable`)
  if (content.format === 'apk' && !Number.isSafeInteger(content.versionCode))
    throw invalid('its version code is larger than 2^53')
  if (!/^[^\p{Cc}]{1,100}$/u.test(content.versionName)) throw invalid('its version name is not 1 to 100 characters')
  return content
}

function invalid(reason: string): ProblemError {
  return new ProblemError('package-invalid', `The package cannot be published: ${reason}.`)
}

const brokenOff = new Set([undefined, 'ABORT_ERR', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'])

function asUploadProblem(error: unknown): never {
  if (error instanceof ProblemError || !brokenOff.has((error as NodeJS.ErrnoException).code)) throw error
  throw new ProblemError('invalid-request', 'The upload was broken off. Send the package again.', { cause: error })
}
