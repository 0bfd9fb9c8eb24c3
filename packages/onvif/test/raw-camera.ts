import http from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { createOnvifClient, type OnvifClient, type OnvifClientOptions } from '../src/index.ts'

type RawRequest = {
  url: string
  rawHeaders: string[]
  headers: http.IncomingHttpHeaders
  body: string
  /** Local name of the first element in the SOAP body. */
  operation: string
}

export type RawReply = { status?: number; headers?: http.OutgoingHttpHeaders; body?: string | Buffer }

/** Answers every request; `undefined` cuts the connection. */
export type RawAnswer = (request: RawRequest) => RawReply | undefined | Promise<RawReply | undefined>

/** A web server that does what no well-made camera would. */
export async function startRawCamera(answer: RawAnswer) {
  const requests: RawRequest[] = []
  const server = http.createServer(async (incoming, outgoing) => {
    const body = await text(incoming).catch(() => null)
    // The client broke off.
    if (body === null) return
    const operation = /<env:Body><(?:\w+:)?(\w+)/.exec(body)?.[1] ?? ''
    const { url = '', rawHeaders, headers } = incoming
    const request = { url, rawHeaders, headers, body, operation }
    requests.push(request)
    const reply = await answer(request)
    if (reply === undefined) {
      incoming.socket.destroy()
      return
    }
    outgoing.writeHead(reply.status ?? 200, reply.headers ?? { 'Content-Type': 'application/soap+xml; charset=utf-8' })
    outgoing.end(reply.body ?? '')
  })
  const address = await listen(server)
  return { address, requests, client: (options: Partial<OnvifClientOptions> = {}) => clientAt(address, options) }
}

export async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function clientAt(address: string, options: Partial<OnvifClientOptions> = {}): OnvifClient {
  return createOnvifClient({ address, credentials: { user: 'u', password: 'p' }, timeoutMs: 5_000, ...options })
}

export const soap = (body: string): RawReply => ({
  body: `<?xml version="1.0"?><S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Header/><S:Body>${body}</S:Body></S:Envelope>`,
})

export const soapFault = (status: number, ...codes: string[]): RawReply => {
  const subcodes = codes
    .slice(1)
    .reduceRight((inner, code) => `<S:Subcode><S:Value>ter:${code}</S:Value>${inner}</S:Subcode>`, '')
  const code = `<S:Code><S:Value>S:${codes[0]}</S:Value>${subcodes}</S:Code>`
  return { ...soap(`<S:Fault>${code}<S:Reason><S:Text xml:lang="en">no</S:Text></S:Reason></S:Fault>`), status }
}

const ANS = 'http://www.onvif.org/ver10/appmgmt/wsdl'

export const services = (capabilities = '', host = '10.1.2.3'): RawReply =>
  soap(
    `<t:GetServicesResponse xmlns:t="http://www.onvif.org/ver10/device/wsdl"><t:Service><t:Namespace>${ANS}</t:Namespace>` +
      `<t:XAddr>http://${host}/apps?v=1</t:XAddr>${capabilities}</t:Service><t:Service><t:Namespace>` +
      `http://www.onvif.org/ver10/events/wsdl</t:Namespace><t:XAddr>http://${host}/events</t:XAddr></t:Service></t:GetServicesResponse>`,
  )

export const CAPABILITIES = `<t:Capabilities><a:Capabilities xmlns:a="${ANS}" UploadPath="http://10.9.9.9/up?x=1" FormatsSupported="application/octet-stream application/vnd.android.package-archive"/></t:Capabilities>`

export const challenge = (extra = 'nonce="n1"'): RawReply => ({
  status: 401,
  headers: { 'WWW-Authenticate': `Digest realm="r", qop="auth", ${extra}` },
})
export const deviceId = (id: string) => soap(`<GetDeviceIdResponse><DeviceId>${id}</DeviceId></GetDeviceIdResponse>`)

export async function appsOf(camera: { client: () => ReturnType<typeof clientAt> }) {
  const apps = await camera.client().appManagement()
  if (apps === null) throw new Error('no app management')
  return apps
}
