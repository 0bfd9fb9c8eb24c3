import { isAbsolute, join, resolve } from 'node:path'

export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>
  platform: NodeJS.Platform
  isRoot: boolean
  homeFolder: string
}

/**
 * Where the gateway keeps its state: `--home`, OCELLI_GATEWAY_HOME, else `gateway` in Ocelli's data folder, which is
 * the platform's too when both run on one machine. Absolute.
 */
export function gatewayHome(home: string | undefined, surroundings: Surroundings): string {
  return resolve(home || surroundings.env.OCELLI_GATEWAY_HOME || join(dataFolder(surroundings), 'gateway'))
}

function dataFolder({ env, platform, isRoot, homeFolder }: Surroundings): string {
  if (env.OCELLI_HOME) return env.OCELLI_HOME
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(homeFolder, 'AppData', 'Local'), 'ocelli')
  if (isRoot) return '/var/lib/ocelli'
  if (platform === 'darwin') return join(homeFolder, 'Library', 'Application Support', 'ocelli')
  // The XDG Base Directory Specification says to ignore a relative path.
  const xdg = env.XDG_DATA_HOME
  return join(xdg && isAbsolute(xdg) ? xdg : join(homeFolder, '.local', 'share'), 'ocelli')
}
