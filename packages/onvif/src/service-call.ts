import type { CameraSession } from './camera-session.ts'
import { OnvifError } from './onvif-error.ts'
import type { XmlElement } from './xml-element.ts'

/** What every public operation takes. */
export type CallOptions = { signal?: AbortSignal | undefined }

/** What a service's operations share: the session, the service's place at the camera, its namespace and that namespace's prefix. */
export type ServiceContext = { session: CameraSession; target: string; namespace: string; prefix: string }

export type OperationInput = CallOptions & {
  name: string
  /** XML of the children; they may use the service's prefix. */
  children?: string
  access?: 'open' | 'login'
  isIdempotent: boolean
}

/** Calls an operation of a document/literal wrapped service and gives its response element. */
export async function callService(context: ServiceContext, input: OperationInput): Promise<XmlElement> {
  const { session, target, namespace, prefix } = context
  const { name, children = '', access = 'login', isIdempotent, signal } = input
  const response = await session.call({
    target,
    action: `${namespace}/${name}`,
    body: `<${prefix}:${name} xmlns:${prefix}="${namespace}">${children}</${prefix}:${name}>`,
    access,
    isIdempotent,
    signal,
  })
  if (response.name !== `${name}Response`) {
    throw new OnvifError('bad-reply', `The camera answered ${name} with ${response.name}.`)
  }
  return response
}

/** Whether the camera said, in any of the ways in which cameras say that, that there is no such operation. */
export function isMissingOperation(error: unknown): boolean {
  return (
    error instanceof OnvifError &&
    (error.code === 'unsupported' || (error.code === 'rejected' && !error.retryable) || error.httpStatus === 405)
  )
}
