import { nullable, oneOf } from '@ocelli/contract'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { StateFolder } from '../state/state-folder.ts'

/** What saving an app's configuration came to. `none`: the camera does not hand it out. `failed`: it did not work. */
export type SavedConfiguration = { kind: 'saved'; configuration: Uint8Array } | { kind: 'none' } | { kind: 'failed' }

/** Configurations of apps that were removed so that another version can be installed; sealed, as they hold secrets. */
export interface SavedConfigurations {
  /** Null when nothing was saved yet. */
  get(appId: string): Promise<SavedConfiguration | null>
  /** On disk when it resolves. */
  put(appId: string, saved: SavedConfiguration): Promise<void>
  drop(appId: string): Promise<void>
}

const Stored = Type.Record(
  Type.String(),
  Type.Object({ kind: oneOf(['saved', 'none', 'failed']), sealed: nullable(Type.String()) }),
)

/** The configurations of one device, in one file. Throws what the folder throws; `state-corrupt` for what is none of ours. */
export function createSavedConfigurations(
  folder: Pick<StateFolder, 'readJson' | 'writeJson' | 'remove' | 'seal' | 'unseal'>,
  file: string,
): SavedConfigurations {
  async function read() {
    const stored = await folder.readJson(file)
    return Value.Check(Stored, stored) ? stored : {}
  }

  return {
    async get(appId) {
      const found = (await read())[appId]
      if (!found) return null
      if (found.kind !== 'saved') return { kind: found.kind }
      if (found.sealed === null) return { kind: 'failed' }
      return { kind: 'saved', configuration: Buffer.from(folder.unseal(found.sealed), 'base64') }
    },
    async put(appId, saved) {
      const sealed = saved.kind === 'saved' ? folder.seal(Buffer.from(saved.configuration).toString('base64')) : null
      await folder.writeJson(file, { ...(await read()), [appId]: { kind: saved.kind, sealed } })
    },
    async drop(appId) {
      const { [appId]: dropped, ...rest } = await read()
      if (!dropped) return
      if (Object.keys(rest).length === 0) await folder.remove(file)
      else await folder.writeJson(file, rest)
    },
  }
}
