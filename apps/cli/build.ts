import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Writes `ocelli` as it is given away into a folder: one file that needs nothing but Node, its package.json, and the licenses
 * of what was built into it. The sources themselves run only inside this repository: Node strips no types in node_modules.
 */
export async function buildCli(out: string): Promise<void> {
  await rm(out, { recursive: true, force: true })
  await mkdir(join(out, 'bin'), { recursive: true })
  const program = join(out, 'bin', 'ocelli.mjs')
  const build = await rolldown({ input: join(here, 'src', 'main.ts'), platform: 'node', cwd: here })
  const { output } = await build.write({
    file: program,
    format: 'esm',
    codeSplitting: false,
    comments: { legal: true },
  })
  await build.close()
  await chmod(program, 0o755)
  const { name, version, license, type, engines } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'))
  const published = {
    ...{
      name,
      version,
      description: 'The command line of Ocelli, an app platform for IP cameras',
      license,
      type,
      engines,
    },
    ...{ bin: { ocelli: 'bin/ocelli.mjs' }, publishConfig: { access: 'public' } },
  }
  await writeFile(join(out, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  await writeFile(join(out, 'THIRD-PARTY.txt'), await thirdParty(output[0].moduleIds))
  await copyFile(join(here, 'README.md'), join(out, 'README.md'))
  await copyFile(join(here, '..', '..', 'LICENSE'), join(out, 'LICENSE'))
}

/** The licenses of the packages that these modules come from, as those ask for wherever they are copied. */
async function thirdParty(moduleIds: string[]): Promise<string> {
  const roots = new Set(
    moduleIds.flatMap((id) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0] ?? []),
  )
  const texts = [...roots].map(async (root) => {
    const { name, version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const file = (await readdir(root)).find((one) => /^licen[cs]e/i.test(one))
    return `${name} ${version} (${license})\n\n${file ? (await readFile(join(root, file), 'utf8')).trim() : ''}\n`
  })
  return (await Promise.all(texts)).toSorted().join(`\n${'-'.repeat(80)}\n\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCli(join(here, 'dist'))
