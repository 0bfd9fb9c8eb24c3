export { type AddressRanges, type CameraPlace, MAX_RANGE_ADDRESSES, readAddressRanges } from './address-range.ts'
export { type AskOptions, askConcurrently } from './ask-concurrently.ts'
export { type CameraAddress, parseCameraAddress } from './camera-address.ts'
export { CameraHttpError, type CameraHttpErrorCode } from './camera-http-error.ts'
export { type HttpChallenge, parseChallenges, rawHeaderValues } from './http-challenge.ts'
export {
  type Credentials,
  chooseDigest,
  createDigestSession,
  type DigestChallenge,
  type DigestSession,
} from './http-digest.ts'
export { createHttpLogin, type HttpLogin } from './http-login.ts'
export {
  createHttpTransport,
  type HttpReply,
  type HttpRequest,
  type HttpTimeouts,
  type HttpTransport,
  type StreamBody,
} from './http-transport.ts'
export { createLoginRecord, type LoginFailure, type LoginRecord, MAX_REFUSED_LOGINS } from './login-record.ts'
export {
  type Interfaces,
  isLinkLocal,
  type MulticastGroups,
  type MulticastRoute,
  multicastRoutes,
  openMulticastSocket,
} from './multicast-socket.ts'
export { type FilePart, multipartType, wrapFile, wrapText } from './multipart.ts'
export { openOrigins } from './open-origins.ts'
export type { CameraCertificate, CameraTls } from './pinned-socket.ts'
export { createSerialQueue, type SerialQueue } from './serial-queue.ts'
export { type Upload, type UploadReply, uploadOnce } from './upload-once.ts'
