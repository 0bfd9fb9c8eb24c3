import { readBody } from '../http/read-body.ts'
import { type SimTime, waitMs } from '../time.ts'
import type { AxisFacts } from './axis-facts.ts'
import type { AxisOs } from './axis-os.ts'
import { type Cgi, type CgiRequest, type CgiTable, escapeXml, xmlReply } from './cgi.ts'
import { descriptionPath } from './discovery/ssdp-responder.ts'

export interface DeviceCgiOptions {
  os: AxisOs
  facts: () => AxisFacts
  time: SimTime
  /** Milliseconds until the camera is ready after its last start. */
  msUntilReady: () => number
  uptimeMs: () => number
  bootId: () => string
  needsSetup: () => boolean
  deviceNowMs: () => number
  rebootSoon: () => void
}

/** The CGIs that tell of the camera, in JSON, and the one that restarts it. */
export function createDeviceCgis(options: DeviceCgiOptions): CgiTable {
  const { os, rebootSoon } = options
  const restart: Cgi = {
    operation: 'restart',
    needs: 'administrator',
    isWrite: true,
    run() {
      rebootSoon()
      return { status: 200, type: 'text/html', body: '<HTML>\n<HEAD><TITLE>Restarting</TITLE></HEAD>\n</HTML>\n' }
    },
  }
  return {
    ...(os.hasBasicDeviceInfo ? { '/axis-cgi/basicdeviceinfo.cgi': createBasicDeviceInfo(options) } : {}),
    ...(os.systemReady !== 'absent' ? { '/axis-cgi/systemready.cgi': createSystemReady(options) } : {}),
    ...(os.hasBasicDeviceInfo ? { '/axis-cgi/apidiscovery.cgi': createApiDiscovery(options) } : {}),
    ...(os.systemReady === 'full' ? { '/axis-cgi/time.cgi': createTime(options) } : {}),
    '/axis-cgi/restart.cgi': restart,
    [descriptionPath]: createDescription(options),
  }
}

/** The UPnP description that SSDP answers lead to. */
function createDescription({ facts }: DeviceCgiOptions): Cgi {
  return {
    operation: 'rootdesc',
    needs: null,
    isWrite: false,
    run() {
      const { ProdShortName: name = '', ProdNbr: number = '', SerialNumber: serial = '' } = facts().properties
      const items = {
        deviceType: 'urn:schemas-upnp-org:device:Basic:1.0',
        friendlyName: `${name} - ${serial}`,
        manufacturer: 'AXIS',
        modelName: name,
        modelNumber: number,
        serialNumber: serial,
        UDN: `uuid:Upnp-BasicDevice-1_0-${serial}`,
      }
      const lines = Object.entries(items).map(([key, value]) => `<${key}>${escapeXml(value)}</${key}>\n`)
      return xmlReply(
        `<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0">\n<device>\n${lines.join('')}</device>\n</root>\n`,
      )
    },
  }
}

interface JsonCall {
  method: string
  context: string | undefined
  params: Record<string, unknown>
}

const errors = {
  invalidParameter: { code: 1000, message: 'Invalid parameter value specified' },
  accessForbidden: { code: 2001, message: 'Access forbidden' },
  methodNotSupported: { code: 2004, message: 'Method not supported' },
  invalidJson: { code: 4000, message: 'Invalid JSON format' },
} as const

const maxBodyBytes = 64 * 1024

/** A CGI with JSON in both directions; failures are told in the body, with status 200. */
function jsonCgi(
  operation: string,
  apiVersion: string,
  answer: (call: JsonCall, request: CgiRequest) => object | keyof typeof errors | Promise<object>,
): Cgi {
  return {
    operation,
    needs: null,
    isWrite: false,
    async run(request) {
      request.exchange.acceptBody()
      const call = readCall(await readBody(request.exchange.request, maxBodyBytes))
      const result = call === null ? 'invalidJson' : await answer(call, request)
      const context = call?.context === undefined ? {} : { context: call.context }
      const body =
        typeof result === 'string'
          ? { apiVersion, ...context, error: errors[result as keyof typeof errors] }
          : { apiVersion, ...context, ...result }
      return { status: 200, type: 'application/json', body: `${JSON.stringify(body)}\n` }
    },
  }
}

function readCall(text: string | null): JsonCall | null {
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (!isRecord(value) || typeof value.method !== 'string') return null
    const context = typeof value.context === 'string' ? value.context : undefined
    return { method: value.method, context, params: isRecord(value.params) ? value.params : {} }
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** What may be read without a login lacks what an attacker could use. */
const restricted = ['Architecture', 'Soc', 'SocSerialNumber']

function createBasicDeviceInfo({ facts }: DeviceCgiOptions): Cgi {
  return jsonCgi('basicdeviceinfo', '1.3', ({ method }, { isAdministrator }) => {
    const all = Object.entries(facts().properties)
    switch (method) {
      case 'getAllUnrestrictedProperties': {
        const open = all.filter(([name]) => !restricted.includes(name))
        return { data: { propertyList: Object.fromEntries(open) } }
      }
      case 'getAllProperties':
        if (!isAdministrator) return 'accessForbidden'
        return { method, data: { propertyList: Object.fromEntries(all) } }
      default:
        return 'methodNotSupported'
    }
  })
}

const maxWaitSeconds = 120

function createSystemReady(options: DeviceCgiOptions): Cgi {
  const { os, time, msUntilReady, uptimeMs, bootId, needsSetup } = options
  return jsonCgi('systemready', os.systemReady === 'full' ? '1.4' : '1.1', async ({ params }, { exchange }) => {
    const seconds = typeof params.timeout === 'number' ? Math.min(params.timeout, maxWaitSeconds) : 0
    const waitingMs = Math.min(msUntilReady(), seconds * 1000)
    if (waitingMs > 0) await waitMs(waitingMs, { time, signal: exchange.signal })
    const isReady = msUntilReady() <= 0
    const data = { systemready: isReady ? 'yes' : 'no', needsetup: needsSetup() ? 'yes' : 'no' }
    const boot = { uptime: String(Math.floor(uptimeMs() / 1000)), bootid: bootId(), previewmode: '7200' }
    return { method: 'systemready', data: os.systemReady === 'full' ? { ...data, ...boot } : data }
  })
}

function createApiDiscovery({ os }: DeviceCgiOptions): Cgi {
  const list = [
    { id: 'api-discovery', version: '1.0', name: 'API Discovery Service' },
    { id: 'basic-device-info', version: '1.3', name: 'Basic Device Information' },
    { id: 'param-cgi', version: '1.0', name: 'Legacy Parameter Handling' },
    ...(os.systemReady === 'absent' ? [] : [{ id: 'systemready', version: '1.4', name: 'Systemready' }]),
  ]
  return jsonCgi('apidiscovery', '1.0', ({ method }) =>
    method === 'getApiList' ? { method, data: { apiList: list } } : 'methodNotSupported',
  )
}

function createTime({ deviceNowMs }: DeviceCgiOptions): Cgi {
  return jsonCgi('time', '1.0', ({ method }, { isAdministrator }) => {
    if (!isAdministrator) return 'accessForbidden'
    if (method !== 'getDateTimeInfo') return 'methodNotSupported'
    const dateTime = new Date(deviceNowMs()).toISOString().replace(/\.\d+Z$/, 'Z')
    return { method, data: { dateTime, dstEnabled: false, timeZone: 'UTC', posixTimeZone: 'UTC0' } }
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
