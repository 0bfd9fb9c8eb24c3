import type { Readable } from 'node:stream'
import { type AppInfo, type AppManagementCapabilities, readAppsInfo, readCapabilities } from './app-info.ts'
import { requestTarget } from './camera-address.ts'
import { isUnknownApp, OnvifError } from './onvif-error.ts'
import { type CallOptions, callService, isMissingOperation, type ServiceContext } from './service-call.ts'
import { child, childrenNamed, childText, escapeXml, type XmlElement } from './xml-element.ts'

/** An entry of GetInstalledApps; empty texts for what the camera leaves out. */
export type InstalledAppName = { appId: string; name: string }

export type UploadInput = CallOptions & {
  /** Opened once; must give exactly `size` bytes. */
  open: () => Readable
  size: number
  /** One of the camera's formats; by default the one that `chooseContentType` picks for an `.apk`. */
  contentType?: string | undefined
  /** How many bytes were handed to the network so far. */
  onProgress?: ((sentBytes: number) => void) | undefined
  /** The whole upload may take so long, ms. Default: one minute, and a second more for each 32 KiB. */
  timeoutMs?: number | undefined
}

/**
 * The ONVIF Application Management service (ver10/appmgmt) of a camera. Children are sent unqualified, as the schema (without
 * elementFormDefault) demands, and read either way. Errors: those of `OnvifError`; an unknown app is `rejected`, see `isUnknownApp`.
 */
export type AppManagement = {
  getServiceCapabilities(options?: CallOptions): Promise<AppManagementCapabilities>
  /** The id that licenses are issued to, verbatim. */
  getDeviceId(options?: CallOptions): Promise<string>
  getInstalledApps(options?: CallOptions): Promise<InstalledAppName[]>
  /** All apps, or the named one alone (an empty list when the camera does not have it). */
  getAppsInfo(appId?: string, options?: CallOptions): Promise<AppInfo[]>
  activate(appId: string, options?: CallOptions): Promise<void>
  deactivate(appId: string, options?: CallOptions): Promise<void>
  /** Returns as soon as the camera has taken the order; the app is gone when it is no longer listed. */
  uninstall(appId: string, options?: CallOptions): Promise<void>
  installLicense(request: { appId?: string; license: string }, options?: CallOptions): Promise<void>
  /** Hands a package over; installing begins afterwards and ends in a state event or in the list of apps. */
  upload(input: UploadInput): Promise<void>
  /** An app's configuration as the camera hands it out, opaque, 2 MiB at most; null where it names no place for it. */
  getConfiguration(appId: string, options?: CallOptions): Promise<Buffer | null>
  /**
   * Gives a configuration back; false where the camera names no place for it. A camera that does not take what another
   * version wrote is `rejected` (HTTP 521).
   */
  putConfiguration(request: { appId: string; configuration: Uint8Array }, options?: CallOptions): Promise<boolean>
}

export function createAppManagement(context: ServiceContext, announced: XmlElement | null): AppManagement {
  const call = (name: string, isIdempotent: boolean, input: { children?: string; access?: 'open' } & CallOptions) =>
    callService(context, { name, isIdempotent, ...input })

  let capabilities = announced === null ? undefined : completeCapabilities(readCapabilities(announced))

  async function getServiceCapabilities(options: CallOptions = {}): Promise<AppManagementCapabilities> {
    const response = await call('GetServiceCapabilities', true, { access: 'open', ...options })
    const element = child(response, 'Capabilities')
    if (element === undefined) throw new OnvifError('bad-reply', 'The camera answered without its capabilities.')
    const read = readCapabilities(element)
    capabilities = completeCapabilities(read)
    return read
  }

  async function getDeviceId(options: CallOptions = {}): Promise<string> {
    let id: string | undefined
    try {
      id = printedText(child(await call('GetDeviceId', true, options), 'DeviceId'))
    } catch (error) {
      if (!isMissingOperation(error)) throw error
      id = (await getServiceCapabilities(options)).deviceId ?? undefined
      if (id === undefined) throw error
    }
    if (id === undefined || id === '') throw new OnvifError('bad-reply', 'The camera answered without a device id.')
    return id
  }

  async function getAppsInfo(appId?: string, options: CallOptions = {}): Promise<AppInfo[]> {
    const children = appId === undefined ? '' : appIdElement(appId)
    try {
      const apps = readAppsInfo(await call('GetAppsInfo', true, { children, ...options }))
      // Firmware that ignores the filter answers with all of them.
      return appId === undefined ? apps : apps.filter((app) => app.appId === appId)
    } catch (error) {
      if (appId !== undefined && isUnknownApp(error)) return []
      throw error
    }
  }

  async function upload(input: UploadInput): Promise<void> {
    const { uploadPath, formats } = capabilities ?? (await getServiceCapabilities({ signal: input.signal }))
    if (uploadPath === null) throw new OnvifError('unsupported', 'The camera names no path for uploading apps.')
    const timeoutMs = input.timeoutMs ?? 60_000 + Math.ceil(input.size / 32_768) * 1000
    await context.session.upload({
      ...input,
      target: requestTarget(uploadPath, uploadPath),
      contentType: input.contentType ?? chooseContentType(formats),
      // Cameras check signatures before they answer, in silence.
      timeouts: { totalTimeoutMs: timeoutMs, idleTimeoutMs: Math.min(timeoutMs, 120_000) },
    })
  }

  /** The place of an app's configuration, null when the camera names none. */
  async function configurationTarget(appId: string, options: CallOptions): Promise<string | null> {
    const [info] = await getAppsInfo(appId, options)
    return requestTarget(info?.configuration ?? undefined, '') || null
  }

  return {
    getServiceCapabilities,
    getDeviceId,
    async getInstalledApps(options = {}) {
      return childrenNamed(await call('GetInstalledApps', true, options), 'App').map((app) => ({
        appId: childText(app, 'AppID') ?? '',
        name: childText(app, 'Name') ?? '',
      }))
    },
    getAppsInfo,
    async activate(appId, options = {}) {
      await call('Activate', false, { children: appIdElement(appId), ...options })
    },
    async deactivate(appId, options = {}) {
      await call('Deactivate', false, { children: appIdElement(appId), ...options })
    },
    async uninstall(appId, options = {}) {
      await call('Uninstall', false, { children: appIdElement(appId), ...options })
    },
    async installLicense({ appId, license }, options = {}) {
      const children = `${appId === undefined ? '' : appIdElement(appId)}<License>${escapeXml(license)}</License>`
      await call('InstallLicense', false, { children, ...options })
    },
    upload,
    async getConfiguration(appId, options = {}) {
      const target = await configurationTarget(appId, options)
      return target === null ? null : await context.session.exchangeConfiguration({ target, ...options })
    },
    async putConfiguration({ appId, configuration }, options = {}) {
      const target = await configurationTarget(appId, options)
      if (target === null) return false
      await context.session.exchangeConfiguration({ target, content: configuration, ...options })
      return true
    },
  }
}

const ANDROID_PACKAGE = 'application/vnd.android.package-archive'

/** The camera's own word for an Android package where it lists one, else its first format, else plain bytes. */
export function chooseContentType(formats: readonly string[]): string {
  return formats.find((format) => format.toLowerCase() === ANDROID_PACKAGE) ?? formats[0] ?? 'application/octet-stream'
}

// GetServices may carry capabilities without what an upload needs; then the service itself is asked.
function completeCapabilities(read: AppManagementCapabilities): AppManagementCapabilities | undefined {
  return read.uploadPath === null || read.formats.length === 0 ? undefined : read
}

function appIdElement(appId: string): string {
  return `<AppID>${escapeXml(appId)}</AppID>`
}

// Verbatim, but for line breaks around it that come from a pretty printer and never from an id.
function printedText(element: XmlElement | undefined): string | undefined {
  return element?.text.replace(/^\s*[\r\n]\s*|\s*[\r\n]\s*$/g, '')
}
