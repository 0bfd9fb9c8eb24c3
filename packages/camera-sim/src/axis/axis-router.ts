import type { IncomingMessage, ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import type { FaultSet } from '../faults.ts'
import { type Answer, createExchange, type Exchange } from '../http/exchange.ts'
import { readBody } from '../http/read-body.ts'
import type { LoggedRequest, RequestLog } from '../request-log.ts'
import type { SimTime } from '../time.ts'
import type { AxisGate, AxisVerdict } from './axis-gate.ts'
import { type Cgi, errorCode, htmlPage } from './cgi.ts'
import type { OnvifSide } from './onvif-side.ts'

export interface AxisRouterOptions {
  /** Null where nothing answers. */
  cgiAt: (path: string) => Cgi | null
  gate: AxisGate
  faults: FaultSet
  time: SimTime
  log: RequestLog
  /** Aborted when the camera goes down. */
  power: () => AbortSignal
  deviceNowMs: () => number
  onWrite: () => void
  /** Called when a request that may have changed something was carried out. */
  onChange: () => void
  onvifSide: OnvifSide
}

const maxFormBytes = 64 * 1024
const proxyPage: Answer = {
  status: 200,
  type: 'text/html',
  body: '<!DOCTYPE html><html><head><title>Web filter</title></head><body>This page was blocked.</body></html>',
}

/** Leads each request to its CGI, after login and faults. */
export function createAxisRouter(options: AxisRouterOptions) {
  const { faults, time, log } = options

  async function answer(exchange: Exchange, entry: LoggedRequest): Promise<void> {
    const onvif = options.onvifSide.answer(exchange, entry)
    if (onvif !== null) return onvif
    const cgi = options.cgiAt(exchange.path)
    entry.operation = cgi?.operation ?? ''
    const reply = faults.concerns('htmlReply', entry.operation)
      ? proxyPage
      : cgi === null
        ? htmlPage(404, 'Not Found')
        : await answerCgi(cgi, exchange, entry)
    // A reboot that the request set off takes effect before its reply.
    await setImmediate()
    if (reply.status !== 401 && faults.concerns('dropReply', entry.operation)) return exchange.cut()
    await exchange.reply(dated(spoil(reply, entry.operation)))
  }

  async function answerCgi(cgi: Cgi, exchange: Exchange, entry: LoggedRequest): Promise<Answer> {
    const { authorization } = exchange.request.headers
    entry.credentials = credentialsIn(authorization)
    const verdict = options.gate.authorize({
      needs: cgi.needs ?? 'administrator',
      method: exchange.method,
      target: exchange.target,
      authorization,
    })
    entry.authenticated = verdict.kind === 'granted'
    if (cgi.needs !== null && verdict.kind === 'denied') return deny(verdict)
    const query = await readQuery(exchange)
    if (query === null) return htmlPage(413, 'Request Entity Too Large')
    const failure = faults.get('cgiError')
    if (failure !== undefined && faults.concerns('cgiError', cgi.operation)) return errorCode(failure.code)
    const isWrite = typeof cgi.isWrite === 'boolean' ? cgi.isWrite : cgi.isWrite(query)
    if (isWrite) options.onWrite()
    const answered = await cgi.run({ exchange, query, isAdministrator: verdict.kind === 'granted' })
    if (isWrite) options.onChange()
    return answered ?? deny(verdict)
  }

  function deny(verdict: AxisVerdict): Answer {
    const challenges = verdict.kind === 'denied' ? verdict.challenges : []
    return { ...htmlPage(401, 'Unauthorized'), headers: { 'WWW-Authenticate': challenges } }
  }

  function spoil(reply: Answer, operation: string): Answer {
    const { body = '' } = reply
    const padding = ' '.repeat(Math.max(0, (faults.get('hugeReplyBytes') ?? 0) - body.length))
    const isCut = reply.status === 200 && faults.concerns('malformedXml', operation)
    return { ...reply, body: `${isCut ? body.slice(0, body.length / 2) : body}${padding}` }
  }

  const dated = (reply: Answer): Answer => ({
    ...reply,
    headers: { ...reply.headers, Date: new Date(options.deviceNowMs()).toUTCString() },
  })

  return (request: IncomingMessage, response: ServerResponse, isWaiting: boolean): void => {
    if (faults.takeDrop()) return void request.socket.destroy()
    const exchange = createExchange(request, response, { faults, time, power: options.power(), isWaiting })
    const entry = log.begin({ method: exchange.method, path: exchange.path })
    response.once('finish', () => {
      entry.status = response.statusCode
    })
    answer(exchange, entry).catch((error: unknown) => {
      // A connection that is gone, or a camera that goes down, leaves nobody to tell.
      if (exchange.signal.aborted || response.headersSent) return exchange.cut()
      const body = error instanceof Error ? error.message : String(error)
      exchange.reply({ status: 500, body, headers: { Connection: 'close' } }).catch(exchange.cut)
    })
  }
}

/** Parameters of the address, and those of a form that is sent as the body. */
async function readQuery(exchange: Exchange): Promise<URLSearchParams | null> {
  const query = new URLSearchParams(exchange.target.split('?')[1] ?? '')
  const type = exchange.request.headers['content-type'] ?? ''
  if (!type.startsWith('application/x-www-form-urlencoded')) return query
  exchange.acceptBody()
  const form = await readBody(exchange.request, maxFormBytes)
  if (form === null) return null
  for (const [name, value] of new URLSearchParams(form)) query.append(name, value)
  return query
}

function credentialsIn(authorization: string | undefined): LoggedRequest['credentials'] {
  if (authorization === undefined) return 'none'
  return /^basic /i.test(authorization) ? 'basic' : 'digest'
}
