import type { HttpReply, HttpTimeouts, HttpTransport } from '@ocelli/camera-http'
import type { LoginProof } from './camera-login.ts'
import { buildEnvelope } from './soap-envelope.ts'
import { readOutcome, type SoapOutcome } from './soap-outcome.ts'

/** One SOAP operation, ready to be sent: `body` and `headers` are XML. */
export type SoapOperation = {
  /** Request target of the service. */
  target: string
  action: string
  body: string
  headers?: string
  isIdempotent: boolean
  timeouts?: Partial<HttpTimeouts>
  signal?: AbortSignal | undefined
}

export type SoapSender = (operation: SoapOperation, proof: LoginProof) => Promise<SoapOutcome>

/**
 * Sends operations and learns whether the camera wants the `action` parameter of SOAP 1.2's Content-Type: some answer nothing
 * without it, others refuse it ("The [action] cannot be processed at the receiver").
 */
export function createSoapSender(transport: HttpTransport, onReply: (reply: HttpReply) => void): SoapSender {
  let hasAction = true
  let isSettled = false

  async function send(operation: SoapOperation, proof: LoginProof): Promise<SoapOutcome> {
    const { target, action, timeouts, signal, isIdempotent } = operation
    const prove = () => {
      const authorization = proof.authorization?.('POST', target)
      const headers = (proof.securityHeader?.() ?? '') + (operation.headers ?? '')
      return {
        ...(authorization === undefined ? {} : { headers: { Authorization: authorization } }),
        body: Buffer.from(buildEnvelope({ headers, body: operation.body })),
      }
    }
    const reply = await transport({
      method: 'POST',
      target,
      headers: {
        'Content-Type': `application/soap+xml; charset=utf-8${hasAction ? `; action="${action}"` : ''}`,
      },
      prove,
      isIdempotent,
      timeouts: timeouts ?? {},
      signal,
    })
    onReply(reply)
    return readOutcome(reply)
  }

  return async (operation, proof) => {
    const outcome = await send(operation, proof)
    if (!isSettled && isAboutAction(outcome, operation)) {
      hasAction = !hasAction
      const second = await send(operation, proof)
      if (second.kind !== 'no-soap' && !isAboutAction(second, operation)) isSettled = true
      else hasAction = !hasAction
      return isSettled ? second : outcome
    }
    // A refusal says nothing about the header, so only an answer or another fault settles it.
    if (outcome.kind === 'answer') isSettled = true
    return outcome
  }
}

function isAboutAction(outcome: SoapOutcome, { isIdempotent }: SoapOperation): boolean {
  if (outcome.kind === 'fault') return outcome.fault.isAddressingFault
  if (outcome.kind !== 'no-soap') return false
  // A 415 has done nothing; after an empty 200 or a bare 400 only a read may be sent again.
  return outcome.status === 415 || (isIdempotent && [200, 202, 400].includes(outcome.status))
}
