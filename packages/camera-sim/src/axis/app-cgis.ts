import type { FaultSet, Reboot } from '../faults.ts'
import type { AppRuns } from './app-runs.ts'
import type { AxisApp, AxisAppShelf } from './axis-app.ts'
import type { AxisOs } from './axis-os.ts'
import { type Cgi, type CgiTable, errorCode, escapeXml, ok, plain, xmlReply } from './cgi.ts'

export interface AppCgiOptions {
  os: AxisOs
  shelf: AxisAppShelf
  runs: AppRuns
  faults: FaultSet
  switches: AppSwitches
  reboot: (plan: Reboot) => void
}

/** What config.cgi reads and sets. */
export interface AppSwitches {
  allowUnsigned: boolean
  allowRoot: boolean
}

/** list.cgi, control.cgi, config.cgi, info.cgi and the log of an app; uploads and licenses are apart. */
export function createAppCgis(options: AppCgiOptions): CgiTable {
  const { os, shelf, runs } = options
  const list: Cgi = {
    operation: 'list',
    needs: 'administrator',
    isWrite: false,
    run: () => {
      const apps = shelf.all().map((app) => writeApp(app, { os, runs }))
      return xmlReply(`<reply result="ok">\n${apps.join('')}</reply>`)
    },
  }
  const info: Cgi = {
    operation: 'info',
    needs: 'administrator',
    isWrite: false,
    run: () =>
      xmlReply(
        '<reply result="ok">\n <supportedSdks>\n  <sdk version="3.5">acap3</sdk>\n  <sdk>acap4-native</sdk>\n </supportedSdks>\n</reply>',
      ),
  }
  const log: Cgi = {
    operation: 'systemlog',
    needs: 'administrator',
    isWrite: false,
    run({ query }) {
      const name = query.get('appname') ?? ''
      const lines = shelf.find(name)?.log ?? []
      return plain(`----- Contents of SYSTEM_LOG for '${name}' -----\n${lines.map((line) => `${line}\n`).join('')}`)
    },
  }
  return {
    ...(os.hasList ? { '/axis-cgi/applications/list.cgi': list } : {}),
    '/axis-cgi/applications/control.cgi': createControl(options),
    ...(os.hasConfig ? { '/axis-cgi/applications/config.cgi': createConfig(options) } : {}),
    '/axis-cgi/applications/info.cgi': info,
    '/axis-cgi/admin/systemlog.cgi': log,
  }
}

/** Only attributes that exist are printed, in the order of real replies. */
function writeApp(app: AxisApp, { os, runs }: { os: AxisOs; runs: AppRuns }): string {
  const { name, settingPage, licenseKey } = app
  const attributes: Record<string, string | null> = {
    Name: name,
    NiceName: app.niceName,
    Vendor: app.vendor,
    Version: app.version,
    ApplicationID: app.applicationId,
    License: runs.licenseState(app),
    LicenseExpirationDate: licenseKey?.expires ?? null,
    Status: app.status,
    ConfigurationPage: settingPage === null ? null : `local/${name}/${settingPage}`,
    VendorHomePage: app.isBundled ? 'http://www.axis.com' : null,
    LicenseName: app.licenseName,
    Bundled: os.listsSignature ? (app.isBundled ? 'Yes' : 'No') : null,
    SignatureStatus: os.listsSignature ? (app.isSigned ? 'Signed by Axis' : 'Unsigned') : null,
  }
  const text = Object.entries(attributes)
    .filter((entry): entry is [string, string] => entry[1] !== null)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('')
  const ranges = os.listsSignature ? app.compatibleOsVersions : []
  if (ranges.length === 0) return ` <application${text} />\n`
  const children = ranges.map(({ min, max }) => {
    const bounds = `${min === null ? '' : `<Min>${min}</Min>`}${max === null ? '' : `<Max>${max}</Max>`}`
    return `<VersionRange>${bounds}</VersionRange>`
  })
  return ` <application${text}>\n  <CompatibleOsVersions>${children.join('')}</CompatibleOsVersions>\n </application>\n`
}

function createControl({ shelf, runs, faults, reboot }: AppCgiOptions): Cgi {
  const actions: Record<string, (app: AxisApp) => number | null> = {
    start(app) {
      if (app.status === 'Running') return 6
      if (runs.isFull()) return 9
      runs.start(app)
      return null
    },
    stop(app) {
      if (app.status === 'Stopped') return 7
      runs.stop(app)
      return null
    },
    restart(app) {
      if (app.status === 'Stopped') return 7
      runs.start(app)
      return null
    },
    remove(app) {
      if (!faults.get('uninstallNeverFinishes')) shelf.remove(app.name)
      return null
    },
  }
  return {
    operation: 'control',
    needs: 'administrator',
    isWrite: true,
    run({ query }) {
      const wanted = query.get('action') ?? ''
      const action = Object.hasOwn(actions, wanted) ? actions[wanted] : undefined
      const name = query.get('package') ?? ''
      if (action === undefined || name === '') return errorCode(1)
      const app = shelf.find(name)
      if (app === undefined) return errorCode(4)
      const rebooting = wanted === 'start' ? faults.takeReboot('activate') : null
      const code = rebooting === null || rebooting.inFlight === 'completed' ? action(app) : null
      if (rebooting !== null) reboot(rebooting)
      return code === null ? ok() : errorCode(code)
    },
  }
}

function createConfig({ os, switches }: AppCgiOptions): Cgi {
  const refusal = {
    ...xmlReply('<reply result="error">\n <error type="1" message="Error: gdbus call failed" />\n</reply>'),
    status: os.configErrorStatus,
  }
  return {
    operation: 'config',
    needs: 'administrator',
    isWrite: (query) => query.get('action') === 'set',
    run({ query }) {
      const name = query.get('name')
      const key =
        name === 'AllowUnsigned' ? 'allowUnsigned' : name === 'AllowRoot' && os.hasAllowRoot ? 'allowRoot' : null
      const [action, value] = [query.get('action'), query.get('value')]
      if (key === null || (action !== 'get' && action !== 'set')) return refusal
      if (action === 'set') {
        if (value !== 'true' && value !== 'false') return refusal
        switches[key] = value === 'true'
      }
      return xmlReply(`<reply result="ok">\n <param name="${name}" value="${switches[key]}" />\n</reply>`)
    },
  }
}
