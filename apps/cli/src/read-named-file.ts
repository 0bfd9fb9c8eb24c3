import { isAbsolute, join } from 'node:path'
import { CliError } from './cli-error.ts'
import type { CommandContext } from './command-context.ts'
import { readTextFile } from './profile/private-file.ts'

/** The text of a file that a person named, from where they stand. Throws `file-failed`. */
export async function readNamedFile(file: string, { cwd }: Pick<CommandContext, 'cwd'>): Promise<string> {
  const path = isAbsolute(file) ? file : join(cwd, file)
  const text = await readTextFile(path)
  if (text === null) throw new CliError('file-failed', `${path} is not there.`)
  return text
}

/** The JSON value of such a file; null where it is none. */
export async function readNamedJson(file: string, context: Pick<CommandContext, 'cwd'>): Promise<unknown> {
  const text = await readNamedFile(file, context)
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
