import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const here = dirname(fileURLToPath(import.meta.url))

/**
 * Writes `ocelli` as it is given away into a folder: the program in one file that needs nothing but Node, the door to it, its
 * package.json, and the licenses of what was built into it. The sources themselves run only inside this repository: Node
 * strips no types in node_modules.
 */
export async function buildCli(out: string): Promise<void> {
  await rm(out, { recursive: true, force: true })
  await mkdir(join(out, 'bin'), { recursive: true })
  const build = await rolldown({ input: join(here, 'src', 'main.ts'), platform: 'node', cwd: here })
  const { output } = await build.write({
    file: join(out, 'lib', 'ocelli.mjs'),
    format: 'esm',
    codeSplitting: false,
    comments: { legal: true },
  })
  await build.close()
  const { name, version, license, type, engines } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'))
  const door = join(out, 'bin', 'ocelli.mjs')
  await writeFile(door, doorFor(engines.node))
  await chmod(door, 0o755)
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

/**
 * Node looks up all that a program imports before it runs any of it, so an older one would end with a stack trace; in a file of
 * its own this says which Node is needed.
 */
function doorFor(range: string): string {
  const least = /^>=(\d+)\.(\d+)$/.exec(range)
  if (!least) throw new Error(`engines.node is "${range}", and not of the form >=22.15.`)
  const [, leastMajor, leastMinor] = least
  return `#!/usr/bin/env node
const { node } = process.versions
const [major, minor] = node.split('.').map(Number)
if (major > ${leastMajor} || (major === ${leastMajor} && minor >= ${leastMinor})) await import('../lib/ocelli.mjs')
else {
  process.stderr.write(\`ocelli needs Node.js ${leastMajor}.${leastMinor} or newer and was started on \${node}: get one at https://nodejs.org.\\n\`)
  process.exitCode = 1
}
`
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
