import { readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { wrongUsage } from '../cli-error.ts'
import type { CommandContext } from '../command-context.ts'
import { decodeText } from '../profile/decode-text.ts'
import { fileFailed } from '../profile/private-file.ts'

export interface LoginFlags {
  user?: string
  passwordFile?: string
}

/** The login of cameras: never as an argument, which others on this machine can read. Null without `--user`. */
export async function readCameraLogin(
  { user, passwordFile }: LoginFlags,
  { env, cwd, prompt }: CommandContext,
): Promise<{ user: string; password: string } | null> {
  if (user === undefined) return null
  if (passwordFile !== undefined) {
    const path = isAbsolute(passwordFile) ? passwordFile : join(cwd, passwordFile)
    const bytes = await readFile(path).catch((error: unknown) => {
      throw fileFailed(`${path} cannot be read`, error)
    })
    return { user, password: decodeText(bytes).replace(/\r?\n$/, '') }
  }
  if (env.OCELLI_CAMERA_PASSWORD) return { user, password: env.OCELLI_CAMERA_PASSWORD }
  if (prompt) return { user, password: await prompt.secret(`Password of ${user} on the cameras`) }
  throw wrongUsage(`Give the password of ${user} with --password-file or OCELLI_CAMERA_PASSWORD.`)
}
