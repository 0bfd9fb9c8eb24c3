import { DeviceId, DriverName, nullable, Sha256, Uuid } from '@ocelli/contract'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'
import { noMarks } from './camera-marks.ts'
import type { Camera } from './camera-store.ts'

/** A camera as it lies on the disk. */
const StoredCamera = Type.Object({
  deviceId: DeviceId,
  identitySource: Type.String(),
  driver: DriverName,
  siteId: Uuid,
  name: nullable(Type.String()),
  address: Type.String(),
  sealedCredentials: nullable(Type.String()),
  tls: Type.Object({ pinnedSha256: nullable(Sha256), allowLegacy: Type.Boolean() }),
  assignment: Type.Integer({ minimum: 0 }),
  marks: Type.Optional(
    Type.Object({
      serialNumber: nullable(Type.String()),
      macAddress: nullable(Type.String()),
      endpointReference: nullable(Type.String()),
    }),
  ),
})

const Credentials = Type.Object({ user: Type.String(), password: Type.String() })

type Sealer = Pick<StateFolder, 'seal' | 'unseal'>

export function toStored({ credentials, ...rest }: Camera, { seal }: Sealer): Static<typeof StoredCamera> {
  return { ...rest, sealedCredentials: credentials && seal(JSON.stringify(credentials)) }
}

/** Throws `state-corrupt`. */
export function parseCamera(stored: unknown, { unseal }: Sealer): Camera {
  if (!Value.Check(StoredCamera, stored)) throw new GatewayError('state-corrupt', 'It is not what a gateway writes.')
  const { sealedCredentials, marks = noMarks, ...others } = stored
  const rest = { ...others, marks }
  if (sealedCredentials === null) return { ...rest, credentials: null }
  const credentials: unknown = JSON.parse(unseal(sealedCredentials))
  if (!Value.Check(Credentials, credentials)) throw new GatewayError('state-corrupt', 'Its credentials are not whole.')
  return { ...rest, credentials }
}
