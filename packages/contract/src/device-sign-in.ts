import { type Static, Type } from 'typebox'
import { oneOf, Timestamp } from './schema.ts'

/** RFC 8628, 3.2 */
export const DeviceAuthorization = Type.Object(
  {
    device_code: Type.String(),
    user_code: Type.String({ examples: ['WDJB-MJHT'] }),
    verification_uri: Type.String({ description: 'Where a person enters the user code.' }),
    verification_uri_complete: Type.String({ description: 'The same with the code filled in.' }),
    expires_in: Type.Integer({ description: 'seconds' }),
    interval: Type.Integer({ description: 'seconds between two questions for the token' }),
  },
  { $id: 'DeviceAuthorization' },
)
export type DeviceAuthorization = Static<typeof DeviceAuthorization>

/** Who asks to be signed in, for the person who decides. */
export const SignInRequest = Type.Object(
  {
    userCode: Type.String(),
    clientName: Type.String({ description: 'What the program says of itself: not checked.' }),
    state: oneOf(['PENDING', 'APPROVED', 'DENIED']),
    requestedAt: Timestamp,
    expiresAt: Timestamp,
  },
  { $id: 'SignInRequest' },
)
export type SignInRequest = Static<typeof SignInRequest>

/** With or without the dash, in any case. */
export const UserCode = Type.String({
  minLength: 8,
  maxLength: 20,
  pattern: '^[A-Za-z -]+$',
  description: 'the letters that the program shows',
})
