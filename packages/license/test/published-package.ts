import { execFile } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildPackage } from '../../sdk/build.ts'

const run = promisify(execFile)
const room = dirname(dirname(fileURLToPath(import.meta.url)))

/** Writes the package as it is published into a folder. */
export const buildLicense = (out: string): Promise<void> => buildPackage(out, { room })

/** A folder in which the packed package is installed, as an app maker would have it. */
export interface InstalledPackage {
  folder: string
  /** Paths in the tarball. */
  packed: string[]
  /** Runs a module of the folder on a Node; gives what it wrote and how it ended. */
  runNode(node: string, args: readonly string[]): Promise<{ stdout: string; stderr: string; exitCode: number }>
}

/** Builds, packs and installs the package, without a network. */
export async function installPackage(): Promise<InstalledPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-license-'))
  const out = join(folder, 'dist')
  await buildLicense(out)
  const npm = (args: string[]) => run('npm', args, { cwd: folder, encoding: 'utf8' })
  const { stdout } = await npm(['pack', './dist', '--json'])
  const [tarball] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
  if (!tarball) throw new Error('npm packed nothing.')
  await writeFile(join(folder, 'package.json'), '{"name":"some-app","private":true,"type":"module"}')
  await npm(['install', '--offline', '--no-audit', '--no-fund', `./${tarball.filename}`])
  return {
    folder,
    packed: tarball.files.map(({ path }) => path).sort(),
    async runNode(node, args) {
      try {
        return { ...(await run(node, [...args], { cwd: folder, encoding: 'utf8' })), exitCode: 0 }
      } catch (error) {
        const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: unknown }
        if (typeof code !== 'number') throw error
        return { stdout, stderr, exitCode: code }
      }
    },
  }
}

/** The first code block of a language in a page of docs/. */
export async function readExample(page: string, language: string): Promise<string> {
  const text = await readFile(new URL(`../../../docs/${page}`, import.meta.url), 'utf8')
  const block = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(text)?.[1]
  if (block === undefined) throw new Error(`${page} has no example in ${language}.`)
  return block
}

/** JavaScript that imports the installed verifier and judges the vectors with it, for Node and for a page. */
export const judgeVectors = `
import { verifyLicense } from '@ocelli/license/verify'

async function judge({ keys, cases }) {
  for (const { name, trust, makers, deviceId, appId, nowSeconds, file, expected } of cases) {
    const pick = (names) => names.map((key) => keys[key])
    const now = nowSeconds === null ? null : new Date(nowSeconds * 1000)
    const verdict = await verifyLicense(file, { trust: pick(trust), makers: pick(makers), deviceId, appId, now })
    const isRight = Object.entries(expected).every(([member, value]) => verdict[member] === value)
    if (!isRight) return name + ': ' + JSON.stringify(verdict)
  }
  return cases.length + ' as expected'
}`
