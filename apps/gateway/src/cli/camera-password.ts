import { readFile } from 'node:fs/promises'
import { describeError } from '../state/error-code.ts'
import { GatewayError } from '../state/gateway-error.ts'
import type { CommandContext } from './command-context.ts'

/** A file, the environment or a question; never an argument, which everybody on the machine could read. */
export async function readPassword(
  { passwordFile, user }: { passwordFile?: string; user: string },
  { env, askPassword }: CommandContext,
): Promise<string> {
  if (passwordFile !== undefined) return notEmpty(await readPasswordFile(passwordFile), passwordFile)
  if (env.OCELLI_CAMERA_PASSWORD) return env.OCELLI_CAMERA_PASSWORD
  if (askPassword) return notEmpty(await askPassword(`Password of ${user} on the camera`), 'What was typed')
  throw new GatewayError(
    'invalid-input',
    'Give the password of the camera: --password-file, or OCELLI_CAMERA_PASSWORD.',
  )
}

/** An empty one would cost a refused login for nothing. */
function notEmpty(password: string, from: string): string {
  if (password !== '') return password
  throw new GatewayError('invalid-input', `${from} is empty; the password of the camera is needed.`)
}

async function readPasswordFile(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new GatewayError('invalid-input', `The password file cannot be read: ${describeError(cause)}`, { cause })
  }
}
