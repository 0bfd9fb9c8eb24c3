import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { isExpired } from './app-runs.ts'
import type { AxisApp, AxisAppShelf } from './axis-app.ts'
import { compareOs } from './axis-os.ts'
import { type Cgi, type CgiRequest, errorCode, ok } from './cgi.ts'
import { type AxisLicenseKey, readAxisLicenseKey } from './license-key.ts'
import { boundaryOf, readFilePart } from './multipart.ts'

export interface LicenseCgiOptions {
  shelf: AxisAppShelf
  serialNumber: () => string
  deviceNowMs: () => number
}

const codes = {
  invalidKey: 21,
  uploadFailed: 22,
  notRemoved: 23,
  notInstalled: 24,
  otherApplication: 25,
  otherVersion: 26,
  otherDevice: 30,
  expired: 31,
}

/** license.cgi takes key files of Axis only; one per app. */
export function createLicenseCgi(options: LicenseCgiOptions): Cgi {
  const { shelf } = options
  return {
    operation: 'license',
    needs: 'administrator',
    isWrite: true,
    async run(request) {
      const app = shelf.find(request.query.get('package') ?? '')
      const action = request.query.get('action')
      if (app === undefined) return errorCode(codes.notInstalled)
      if (action === 'removelicensekey') {
        if (app.licenseKey === null) return errorCode(codes.notRemoved)
        app.licenseKey = null
        return ok()
      }
      if (action !== 'uploadlicensekey') return errorCode(codes.uploadFailed)
      const text = await readKeyFile(request)
      if (text === null) return errorCode(codes.uploadFailed)
      const key = readAxisLicenseKey(text)
      const code = key === null ? codes.invalidKey : findRefusal(key, app, options)
      if (code !== null) return errorCode(code)
      app.licenseKey = key
      return ok()
    },
  }
}

const maxKeyBytes = 64 * 1024

async function readKeyFile({ exchange }: CgiRequest): Promise<string | null> {
  const boundary = boundaryOf(exchange.request.headers['content-type'])
  if (boundary === null || Number(exchange.request.headers['content-length'] ?? 0) > maxKeyBytes) return null
  exchange.acceptBody()
  const part = await readFilePart(exchange.request as AsyncIterable<Buffer>, boundary)
  return part === null ? null : (await buffer(Readable.from(part.content))).toString('utf8')
}

function findRefusal(key: AxisLicenseKey, app: AxisApp, options: LicenseCgiOptions): number | null {
  if (key.applicationId !== app.applicationId) return codes.otherApplication
  if (key.deviceId !== options.serialNumber()) return codes.otherDevice
  const version = app.version.split(/[.-]/).slice(0, 2).join('.')
  const isTooOld = key.minVersion !== null && compareOs(version, key.minVersion) < 0
  const isTooNew = key.maxVersion !== null && compareOs(version, key.maxVersion) > 0
  if (isTooOld || isTooNew) return codes.otherVersion
  return isExpired(key.expires, options.deviceNowMs()) ? codes.expired : null
}
