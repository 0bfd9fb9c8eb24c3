import { DeviceId, Uuid } from '@ocelli/contract'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { fileNameOf } from '../state/file-name.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { StateFolder } from '../state/state-folder.ts'
import type { Login } from './same-login.ts'

/** A new password that was sent to a camera and may count. */
export interface OpenChange {
  deviceId: string
  loginId: string
  before: Login
  wanted: Login
}

type Folder = Pick<StateFolder, 'readJson' | 'writeJson' | 'remove' | 'list' | 'seal' | 'unseal'>

const prefix = 'password-changes'
const Stored = Type.Object({ deviceId: DeviceId, loginId: Uuid, sealedLogins: Type.String() })
const StoredLogin = Type.Object({ user: Type.String(), password: Type.String() })
const StoredLogins = Type.Object({ before: StoredLogin, wanted: StoredLogin })

/** Open changes as they lie on the disk, one file for each camera, the passwords sealed. */
export function openChangeFiles({ readJson, writeJson, remove, list, seal, unseal }: Folder) {
  const nameOf = (deviceId: string) => `${prefix}/${fileNameOf(deviceId)}.json`

  function parse(stored: unknown): OpenChange {
    const logins: unknown = Value.Check(Stored, stored) ? JSON.parse(unseal(stored.sealedLogins)) : null
    if (!Value.Check(Stored, stored) || !Value.Check(StoredLogins, logins)) {
      throw new GatewayError('state-corrupt', 'It is not what a gateway writes.')
    }
    return { deviceId: stored.deviceId, loginId: stored.loginId, ...logins }
  }

  return {
    /** One that cannot be read is told and left out. */
    async readAll(onUnreadable: (file: string, error: unknown) => void): Promise<OpenChange[]> {
      const changes: OpenChange[] = []
      for (const file of await list(prefix)) {
        try {
          changes.push(parse(await readJson(file)))
        } catch (error) {
          onUnreadable(file, error)
        }
      }
      return changes
    },
    async write({ deviceId, loginId, before, wanted }: OpenChange): Promise<void> {
      const sealedLogins = seal(JSON.stringify({ before, wanted }))
      await writeJson(nameOf(deviceId), { deviceId, loginId, sealedLogins })
    },
    remove: (deviceId: string): Promise<void> => remove(nameOf(deviceId)),
  }
}
