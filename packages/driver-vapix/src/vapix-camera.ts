import type { Readable } from 'node:stream'
import { type HttpReply, multipartType, wrapFile, wrapText } from '@ocelli/camera-http'
import { DriverError } from '@ocelli/driver'
import { type AppEntry, readAppList } from './app-entry.ts'
import { readAppLog } from './app-log.ts'
import { type CgiOutcome, readOutcome } from './cgi-outcome.ts'
import { type DeviceProperties, readDeviceProperties, readSystemState, type SystemState } from './device-info.ts'
import { checkUpdate, type Parameters, readParameters } from './parameters.ts'
import { checkReply } from './reply-text.ts'
import { readAllowUnsigned } from './signing-policy.ts'
import type { CgiRequest, VapixSession } from './vapix-session.ts'

type Call = { signal: AbortSignal }
type ControlAction = 'start' | 'stop' | 'remove'

/** The CGIs of one Axis camera that apps need, each asked and read. Throws CameraHttpError and DriverError. */
export type VapixCamera = {
  /** Asked without a login; null: no basicdeviceinfo.cgi (before AXIS OS 8.40), or nothing for those without a login. */
  openProperties(call: Call): Promise<DeviceProperties | null>
  /** Asked without a login; null: no systemready.cgi (before AXIS OS 9.50). */
  systemState(call: Call): Promise<SystemState | null>
  parameters(groups: readonly string[], call: Call): Promise<Parameters>
  setParameter(name: string, value: string, call: Call): Promise<void>
  /** What list.cgi and param.cgi answer without a login: a 401, or that there is no such CGI. */
  openAnswer(of: 'list' | 'param', call: Call): Promise<HttpReply>
  apps(call: Call): Promise<AppEntry[]>
  control(action: ControlAction, appId: string, call: Call): Promise<CgiOutcome>
  /** Null: not told. */
  allowsUnsigned(call: Call): Promise<boolean | null>
  appLog(appId: string, call: Call): Promise<string | null>
  uploadPackage(file: PackageFile, call: Call): Promise<CgiOutcome>
  uploadLicense(appId: string, license: string, call: Call): Promise<CgiOutcome>
  removeLicense(appId: string, call: Call): Promise<CgiOutcome>
  /** Makes the first user, who needs no login because there is nobody to log in yet. */
  createFirstUser(user: { user: string; password: string }, call: Call): Promise<HttpReply>
  /** Sent once: without an answer it is unknown whether it was done. */
  updatePassword(user: { user: string; password: string }, call: Call): Promise<HttpReply>
  /** Hands a text to a path of the app's own. */
  postToApp(path: string, text: string, call: Call): Promise<HttpReply>
  readonly clockOffsetMs: number | null
  /** The camera has accepted the login. */
  readonly isLoggedIn: boolean
  readonly refusedLogins: number
}

export type PackageFile = {
  fileName: string
  open: () => Readable
  size: number
  onProgress: (sentBytes: number) => void
}

// The camera answers an upload only when it has installed the package, which takes minutes on small ones.
/** The total is there for callers that set no end: a site with a slow line may let a large package take hours. */
const installTimeouts = { idleTimeoutMs: 300_000, totalTimeoutMs: 24 * 3_600_000 }

export function createVapixCamera(session: VapixSession): VapixCamera {
  const ask = (request: Partial<CgiRequest> & Pick<CgiRequest, 'path' | 'signal'>) =>
    session.send({ method: 'POST', access: 'login', isIdempotent: true, ...request })
  const boundary = () => `ocelli-${Buffer.from(session.random(18)).toString('hex')}`
  const apps = (name: string) => `/axis-cgi/applications/${name}.cgi`
  const json = (content: unknown) => ({ type: 'application/json', content: JSON.stringify(content) })

  // In the body: what stands in an address is written into the camera's access log.
  const accountRequest = (account: Record<string, string>) => ({
    path: '/axis-cgi/pwdgrp.cgi',
    body: { type: 'application/x-www-form-urlencoded', content: new URLSearchParams(account).toString() },
    isIdempotent: false,
  })

  const listRequest = ({ signal }: Call) =>
    ({ method: 'POST', path: apps('list'), access: 'login', isIdempotent: true, signal }) as const

  return {
    async openProperties({ signal }) {
      const body = json({ apiVersion: '1.0', context: 'ocelli', method: 'getAllUnrestrictedProperties' })
      const reply = await ask({ path: '/axis-cgi/basicdeviceinfo.cgi', access: 'open', body, signal })
      return reply.status === 401 ? null : unlessUnsupported(() => readDeviceProperties(reply))
    },
    async systemState({ signal }) {
      const body = json({ apiVersion: '1', method: 'systemready', params: { timeout: 1 } })
      const reply = await ask({ path: '/axis-cgi/systemready.cgi', access: 'open', body, signal })
      return reply.status === 401 ? null : unlessUnsupported(() => readSystemState(reply))
    },
    async parameters(groups, { signal }) {
      const query = { action: 'list', group: groups.join(',') }
      return readParameters(await ask({ method: 'GET', path: '/axis-cgi/param.cgi', query, signal }))
    },
    async setParameter(name, value, { signal }) {
      // In the body: a license is longer than what old cameras take for an address, and does not belong into their access log.
      const content = new URLSearchParams({ action: 'update', [`root.${name}`]: value }).toString()
      const body = { type: 'application/x-www-form-urlencoded', content }
      checkUpdate(await ask({ path: '/axis-cgi/param.cgi', body, signal }), value)
    },
    openAnswer: (of, call) =>
      session.send({
        ...listRequest(call),
        access: 'open',
        ...(of === 'param' ? { path: '/axis-cgi/param.cgi' } : {}),
      }),
    apps: async (call) => readAppList(await session.send(listRequest(call))),
    async control(action, appId, { signal }) {
      const query = { action, package: appId }
      return readOutcome(await ask({ path: apps('control'), query, isIdempotent: false, signal }), 'control.cgi')
    },
    async allowsUnsigned({ signal }) {
      const reply = await ask({ path: apps('config'), query: { action: 'get', name: 'AllowUnsigned' }, signal })
      return unlessUnsupported(() => readAllowUnsigned(reply))
    },
    async appLog(appId, { signal }) {
      const request = {
        method: 'GET',
        path: '/axis-cgi/admin/systemlog.cgi',
        query: { appname: appId },
        signal,
      } as const
      return readAppLog(await ask(request))
    },
    async uploadPackage({ fileName, open, size, onProgress }, call) {
      const mark = boundary()
      const part = { name: 'packfil', fileName, contentType: 'application/octet-stream' }
      const body = wrapFile(part, { open, size, onProgress }, mark)
      const upload = {
        path: apps('upload'),
        contentType: multipartType(mark),
        body,
        timeouts: installTimeouts,
        ...call,
      }
      const reply = await session.upload(upload, listRequest(call))
      const outcome = readOutcome(reply, 'upload.cgi')
      if (outcome.kind === 'error' || reply.hadWhole) return outcome
      throw new DriverError('bad-reply', 'The camera reported success before it had the whole package.')
    },
    async uploadLicense(appId, license, { signal }) {
      const mark = boundary()
      const part = { name: 'licenseKey', fileName: `${appId}LicenseKey.xml`, contentType: 'text/xml' }
      const body = { type: multipartType(mark), content: wrapText(part, license, mark) }
      const query = { action: 'uploadlicensekey', package: appId }
      return readOutcome(await ask({ path: apps('license'), query, body, signal }), 'license.cgi')
    },
    async removeLicense(appId, { signal }) {
      const query = { action: 'removelicensekey', package: appId }
      return readOutcome(await ask({ path: apps('license'), query, signal }), 'license.cgi')
    },
    createFirstUser({ user, password }, { signal }) {
      const account = { action: 'add', user, pwd: password, grp: 'root', sgrp: 'admin:operator:viewer:ptz' }
      return ask({ ...accountRequest(account), access: 'open', signal })
    },
    updatePassword({ user, password }, { signal }) {
      return ask({ ...accountRequest({ action: 'update', user, pwd: password }), signal })
    },
    async postToApp(path, text, { signal }) {
      return checkReply(await ask({ path, body: { type: 'text/plain', content: text }, signal }), path)
    },
    get clockOffsetMs() {
      return session.clockOffsetMs
    },
    get isLoggedIn() {
      return session.isLoggedIn
    },
    get refusedLogins() {
      return session.refusedLogins
    },
  }
}

function unlessUnsupported<Value>(read: () => Value): Value | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof DriverError && error.code === 'unsupported') return null
    throw error
  }
}
