import {
  type CameraTls,
  type Credentials,
  createHttpTransport,
  createSerialQueue,
  type HttpTimeouts,
} from '@ocelli/camera-http'
import type { CameraAddress } from './camera-address.ts'
import { type CameraClock, createCameraClock, readCameraTime } from './camera-clock.ts'
import { createCameraLogin } from './camera-login.ts'
import { type ConfigurationFile, exchangeConfiguration } from './configuration-file.ts'
import { NAMESPACE } from './namespaces.ts'
import { OnvifError, toOnvifError } from './onvif-error.ts'
import { type PackageUpload, uploadPackage } from './package-upload.ts'
import { faultError } from './soap-outcome.ts'
import { createSoapSender, type SoapOperation } from './soap-request.ts'
import type { XmlElement } from './xml-element.ts'

/** A SOAP operation and whether the standard lets anybody ask it (`open`, ONVIF's PRE_AUTH class). */
type SoapCall = SoapOperation & { access: 'open' | 'login' }

/** Everything that is remembered about talking with one camera; one exchange at a time. */
export type CameraSession = {
  readonly address: CameraAddress
  readonly clock: CameraClock
  readonly refusedLogins: number
  /** The element inside the SOAP body of the answer. */
  call(call: SoapCall): Promise<XmlElement>
  upload(upload: PackageUpload): Promise<void>
  /** The body of the answer. */
  exchangeConfiguration(file: ConfigurationFile): Promise<Buffer>
  random(bytes: number): Uint8Array
}

export type CameraSessionOptions = {
  address: CameraAddress
  credentials: Credentials | undefined
  tls: CameraTls
  timeouts: HttpTimeouts
  clock: () => Date
  random: (bytes: number) => Uint8Array
}

export function createCameraSession(options: CameraSessionOptions): CameraSession {
  const { address, credentials, random } = options
  const queue = createSerialQueue()
  const transport = createHttpTransport({ address, tls: options.tls, timeouts: options.timeouts })
  const clock = createCameraClock(options.clock)
  const login = createCameraLogin({ credentials, clock, random })
  const send = createSoapSender(transport, (reply) => clock.heard(reply.rawHeaders))

  async function inTurn<Result>(task: () => Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
    try {
      return await queue(task, signal)
    } catch (error) {
      throw toOnvifError(error, login.record.digest?.challenge.realm)
    }
  }

  // Asked bare, inside the call that needs it: a login for it would be one more guess at the password.
  async function measureClock(signal: AbortSignal | undefined): Promise<number | null> {
    const sentMs = clock.nowMs()
    const outcome = await send({ ...systemDateAndTime(address), signal }, {})
    return clock.measured(outcome.kind === 'answer' ? readCameraTime(outcome.element) : null, sentMs)
  }

  async function call(operation: SoapCall): Promise<XmlElement> {
    const { access, signal } = operation
    const outcome = await login.run((proof) => send(operation, proof), {
      access,
      measureClock: () => measureClock(signal),
    })
    switch (outcome.kind) {
      case 'answer':
        return outcome.element
      case 'fault':
        throw faultError(outcome.fault, outcome.status)
      case 'no-soap':
        throw outcome.error
      case 'login-wanted':
        throw new OnvifError('credentials-refused', 'The camera asks for a login.')
    }
  }

  return {
    address,
    clock,
    random,
    get refusedLogins() {
      return login.record.refusedLogins
    },
    // The whole call holds the queue, retries included: two calls side by side would both guess a wrong password.
    call: (operation) => inTurn(() => call(operation), operation.signal),
    upload: (upload) => inTurn(() => uploadPackage(upload, { transport, login: login.record }), upload.signal),
    exchangeConfiguration: (file) =>
      inTurn(() => exchangeConfiguration(file, { transport, login: login.record }), file.signal),
  }
}

/** The operation that tells the camera's time, asked of the device service. */
function systemDateAndTime(address: CameraAddress): SoapOperation {
  return {
    target: address.devicePath,
    action: `${NAMESPACE.device}/GetSystemDateAndTime`,
    body: `<tds:GetSystemDateAndTime xmlns:tds="${NAMESPACE.device}"/>`,
    isIdempotent: true,
  }
}
