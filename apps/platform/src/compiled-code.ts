import { existsSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { resolveDataFolder, thisMachine } from './platform/data-folder.ts'

/**
 * Keeps what V8 has compiled in the data folder, so that the next start spares it: 0.76 s of 2.23 s of processor time. Never
 * in a folder for all, as Node's own choice is: whoever could write there could have us run what they like. A data folder
 * that is not there yet is made later, with its own mode. Call it before the modules are loaded that it shall hold for.
 */
export function keepCompiledCode(environment: Record<string, string | undefined>): void {
  const dataFolder = resolveDataFolder(thisMachine(environment))
  if (!existsSync(dataFolder)) return
  const folder = join(dataFolder, 'compiled')
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch {
    // where nothing can be written the start itself says so in words; without the folder it is only slower
    return
  }
  enableCompileCache(folder)
}
