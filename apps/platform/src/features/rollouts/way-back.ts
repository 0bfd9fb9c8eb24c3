import type { RollbackAbility } from '@ocelli/contract'
import { explainMisfit } from '../apps/fitting-package.ts'
import type { DeviceSituation } from './device-situations.ts'

/** Whether a device can be set back to the version that it has now, once an update has gone wrong, and at which price. */
export interface WayBack {
  ability: RollbackAbility
  reason: string
  detail: string
}

/** From which AXIS OS on an upload keeps the data of the app that it replaces (docs/axis.md). */
const firstKeepingAxisOs = 10

/** The situation is read with the package of the installed version. Pure. */
export function wayBackOf({ device, installation, previous }: DeviceSituation): WayBack {
  const way = device?.appDowngrade ?? 'NONE'
  if (!device || way === 'NONE') {
    const detail = 'This camera cannot get an older version, or its gateway has not said yet how it can.'
    return { ability: 'IMPOSSIBLE', reason: 'downgrade', detail }
  }
  if (!installation.present || installation.installedVersionCode === null) {
    const detail = 'The version that the camera has now was never published here, so there is no package to go back to.'
    return { ability: 'IMPOSSIBLE', reason: 'previous-version-unknown', detail }
  }
  if (previous.kind === 'none') {
    const detail = `Version ${installation.installedVersion}, which the camera has now, has been withdrawn.`
    return { ability: 'IMPOSSIBLE', reason: 'version-withdrawn', detail }
  }
  if (previous.kind === 'misfit') return { ability: 'IMPOSSIBLE', ...explainMisfit(previous.candidate, device) }
  if (way === 'REINSTALL') return { ability: 'LOSES_DATA', reason: 'reinstall', detail: reinstalled }
  if (device.driver === 'vapix' && !keepsData(device.firmwareVersion)) {
    const detail = `The app is replaced by an upload; before AXIS OS ${firstKeepingAxisOs} that may delete its settings and data.`
    return { ability: 'LOSES_DATA', reason: 'firmware', detail }
  }
  const detail = 'The older version goes over the newer one, and finds the data as that one left it.'
  return { ability: 'KEEPS_DATA', reason: 'in-place', detail }
}

const reinstalled =
  'The app is removed and installed anew. Its configuration is saved and given back where the camera hands it out; all else that it kept is lost.'

const keepsData = (firmwareVersion: string | null): boolean =>
  Number(/^(\d+)\./.exec(firmwareVersion ?? '')?.[1] ?? 0) >= firstKeepingAxisOs
