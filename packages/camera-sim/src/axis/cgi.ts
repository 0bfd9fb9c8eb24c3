import type { Answer, Exchange } from '../http/exchange.ts'
import type { AxisGroup } from './axis-options.ts'

/** One request to a CGI whose caller was let in. */
export interface CgiRequest {
  exchange: Exchange
  query: URLSearchParams
  /** Whether the caller proved to be an administrator; CGIs open to all ask. */
  isAdministrator: boolean
}

export interface Cgi {
  /** Name in the log of requests and for faults that concern single operations. */
  operation: string
  /** The least group that may call it; null for a CGI that asks for no login by itself. */
  needs: AxisGroup | null
  /** Changes the camera. */
  isWrite: boolean | ((query: URLSearchParams) => boolean)
  /** Null when the caller may not. */
  run(request: CgiRequest): Answer | null | Promise<Answer | null>
}

export type CgiTable = Readonly<Record<string, Cgi>>

export const plain = (body: string): Answer => ({ status: 200, type: 'text/plain', body })

/** The CGIs for apps tell success and failure in the body, both with status 200. */
export const ok = (): Answer => plain('OK\n')
export const errorCode = (code: number): Answer => plain(`Error: ${code}\n`)

export const xmlReply = (body: string): Answer => ({ status: 200, type: 'text/xml', body })

export function escapeXml(text: string): string {
  const names: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' }
  return text.replace(/[&<>"']/g, (char) => `&${names[char] ?? ''};`)
}

export const htmlPage = (status: number, title: string): Answer => ({
  status,
  type: 'text/html; charset=ISO-8859-1',
  body: `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<HTML><HEAD><TITLE>${status} ${title}</TITLE></HEAD>\n<BODY><H1>${status} ${title}</H1></BODY></HTML>\n`,
})
