import type { Io } from '../io.ts'
import { readTextFile, writePrivateFile } from './private-file.ts'
import { whileLocked } from './while-locked.ts'

/**
 * Reads, changes and writes a file that only its owner may read, so that of several commands at once none undoes what another
 * one wrote. `change` is given null where there is no file. Gives the new text. Throws `file-failed`, and what `change` throws.
 */
export async function changePrivateFile(
  path: string,
  waiting: Pick<Io, 'clock' | 'signal'>,
  change: (text: string | null) => string | Promise<string>,
): Promise<string> {
  return await whileLocked(path, waiting, async () => {
    const before = await readTextFile(path)
    const after = await change(before)
    if (after !== before) await writePrivateFile(path, after)
    return after
  })
}
