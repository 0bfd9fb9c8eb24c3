import type { App, AppPatch, AppQuery, AppVersion, DownloadQuery, PublishQuery } from '@ocelli/contract'
import { type Download, type DownloadOptions, startDownload } from '../download/download.ts'
import type { Api, CallOptions, Send } from '../http/api.ts'
import type { RequestBody } from '../http/engine.ts'
import { toRetryPolicy } from '../http/retry-policy.ts'
import { type Listing, numberedListing } from '../listing.ts'

/** A file's bytes. A stream can be sent once only: give a function that opens it where a lost upload is to be repeated. */
export type UploadSource =
  | Blob
  | Uint8Array<ArrayBuffer>
  | ReadableStream<Uint8Array>
  | (() => ReadableStream<Uint8Array>)

export interface PublishOptions extends CallOptions, PublishQuery {
  /** `application/octet-stream` by default. */
  mediaType?: 'application/octet-stream' | 'application/vnd.android.package-archive'
}

const one = '/store/v1/apps/{appId}'
const oneVersion = '/store/v1/apps/{appId}/versions/{version}'

/** As long as bytes move an upload is well, and how many are to move is not known here. */
const uploadPolicy = { attemptTimeoutMs: 6 * 3_600_000, deadlineMs: 24 * 3_600_000 }

export const appMethods = (api: Api) => ({
  /** Own apps, listed ones and those bought, by appId. */
  list: api.route(
    'GET /store/v1/apps',
    (send) =>
      ({ size = 1000, ...filter }: Omit<AppQuery, 'page'> = {}, options?: CallOptions): Listing<App> =>
        numberedListing(size, (page) => send.list<App>({ query: { ...filter, size, page } }, options)),
  ),
  get: api.route(
    `GET ${one}`,
    (send) =>
      (appId: string, options?: CallOptions): Promise<App> =>
        send.json({ params: { appId } }, options),
  ),
  /** Changes an own app's listing. */
  change: api.route(
    `PATCH ${one}`,
    (send) =>
      (appId: string, patch: AppPatch, options?: CallOptions): Promise<App> =>
        send.json({ params: { appId }, json: patch }, options),
  ),
  /** Newest first. */
  versions: api.route(
    `GET ${one}/versions`,
    (send) =>
      (appId: string, options?: CallOptions): Promise<AppVersion[]> =>
        send.list({ params: { appId } }, options),
  ),
  version: api.route(
    `GET ${oneVersion}`,
    (send) =>
      (appId: string, version: string, options?: CallOptions): Promise<AppVersion> =>
        send.json({ params: { appId, version } }, options),
  ),
  /** It is not installed any more; where it is, it stays. */
  withdrawVersion: api.route(
    `DELETE ${oneVersion}`,
    (send) =>
      (appId: string, version: string, options?: CallOptions): Promise<AppVersion> =>
        send.json({ params: { appId, version } }, options),
  ),
  /** Publishes a package; gives the version it is part of, also when it was published before. */
  publish: api.route(
    'POST /store/v1/packages',
    (send) =>
      (source: UploadSource, { visibility, name, mediaType, ...options }: PublishOptions = {}): Promise<AppVersion> =>
        send.json(
          {
            query: { visibility, name },
            upload: { body: toUpload(source), contentType: mediaType ?? 'application/octet-stream' },
          },
          { ...options, retry: { ...uploadPolicy, ...options.retry } },
        ),
  ),
  /** The package: the newest version, or the one that `version`, `architecture` and `deviceId` choose. */
  download: api.route(
    'GET /software/v1/apps/{appId}/download',
    (send) =>
      (
        appId: string,
        { version, architecture, deviceId, ...options }: DownloadOptions & DownloadQuery = {},
      ): Promise<Download> =>
        receive(api, options, (parts, take) =>
          send.open({ ...parts, params: { appId }, query: { version, architecture, deviceId } }, options, take),
        ),
  ),
  /** Bytes by a link that the platform has signed. */
  downloadLinked: api.route(
    'GET /store/v1/blobs/{sha256}',
    (send) =>
      (
        sha256: string,
        { expires, signature, ...options }: DownloadOptions & { expires: number; signature: string },
      ): Promise<Download> =>
        receive(api, options, (parts, take) =>
          send.open({ ...parts, params: { sha256 }, query: { expires, signature } }, options, take),
        ),
    { isPublic: true },
  ),
})

type Take = Parameters<Send<'GET /'>['open']>[2]

function receive(
  { engine, policy }: Api,
  options: DownloadOptions,
  open: (parts: { headers: Record<string, string>; followsRedirects: true }, take: Take) => Promise<unknown>,
): Promise<Download> {
  return startDownload(
    {
      engine,
      policy: toRetryPolicy(options.retry, policy),
      open: (offset, entityTag) =>
        open(
          {
            // an object store may serve the bytes
            followsRedirects: true,
            headers: {
              accept: '*/*',
              ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
              ...(offset > 0 && entityTag ? { 'if-range': entityTag } : {}),
            },
          },
          async (response) => response,
        ) as ReturnType<Parameters<typeof startDownload>[0]['open']>,
    },
    options,
  )
}

export function toUpload(source: UploadSource): RequestBody {
  if (typeof source === 'function') return { make: source, isOneShot: false }
  return { make: () => source, isOneShot: source instanceof ReadableStream }
}
