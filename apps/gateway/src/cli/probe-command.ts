import { findCamera } from '../cameras/find-camera.ts'
import type { CommandContext } from './command-context.ts'
import { type ExitCode, exitCodes } from './exit-code.ts'

export interface ProbeFlags {
  json?: boolean
  allowLegacyTls?: boolean
}

/** One sentence: can this camera run apps, over what, what is missing. */
export async function probeCommand(address: string, flags: ProbeFlags, context: CommandContext): Promise<ExitCode> {
  const { drivers, signal, print } = context
  const allowLegacyTls = flags.allowLegacyTls ?? false
  const { address: foundAt, module, probe } = await findCamera(address, { drivers, allowLegacyTls, signal })
  print(flags.json ? JSON.stringify({ address: foundAt, driver: module.name, ...probe }, null, 2) : probe.detail)
  return probe.runsApps === false ? exitCodes.cameraUnsuitable : exitCodes.ok
}
