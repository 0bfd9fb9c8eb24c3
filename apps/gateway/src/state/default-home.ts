import { homedir } from 'node:os'
import { join } from 'node:path'

interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  platform: NodeJS.Platform
}

/** Where the gateway keeps its state: `--home`, OCELLI_GATEWAY_HOME, `OCELLI_HOME/gateway`, else the system's place for it. */
export function gatewayHome(home: string | undefined, { env, platform }: Surroundings): string {
  if (home) return home
  if (env.OCELLI_GATEWAY_HOME) return env.OCELLI_GATEWAY_HOME
  return join(env.OCELLI_HOME || dataFolder({ env, platform }), 'gateway')
}

function dataFolder({ env, platform }: Surroundings): string {
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'Ocelli')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Ocelli')
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'ocelli')
}
