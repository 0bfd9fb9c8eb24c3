import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const require = createRequire(import.meta.url)

/**
 * Writes a package as it is published into a folder: JavaScript, declarations, and a package.json that names them.
 * Inside this repository the sources are used, so its own package.json names those; npm knows no way to have both.
 * `declarations` says where those of our other packages are, built before, because their sources are not to be built in.
 */
export async function buildPackage(
  out: string,
  { room = here, declarations = {} }: { room?: string; declarations?: Record<string, string> } = {},
): Promise<void> {
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  await compile(out, { room, declarations })
  for (const path of await readdir(out, { recursive: true })) {
    if (path.endsWith('.d.ts')) await nameJavaScript(join(out, path))
  }
  const own = JSON.parse(await readFile(join(room, 'package.json'), 'utf8'))
  const { name, version, description, keywords, license, type, engines, dependencies } = own
  const doors: Record<string, string> = typeof own.exports === 'string' ? { '.': own.exports } : own.exports
  const exports = Object.fromEntries(
    Object.entries(doors).map(([door, source]) => {
      const module = source.replace('./src/', './').replace(/\.ts$/, '')
      return [door, { types: `${module}.d.ts`, default: `${module}.js` }]
    }),
  )
  const published = {
    ...{ name, version, description, keywords, license, type, sideEffects: false, engines, exports, dependencies },
    publishConfig: { access: 'public' },
  }
  await writeFile(join(out, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  await copyFile(join(room, 'README.md'), join(out, 'README.md'))
  await copyFile(join(room, '..', '..', 'LICENSE'), join(out, 'LICENSE'))
}

/** The client and the types that it brings along, each in a folder of its own. */
export async function buildWithContract(outs: { sdk: string; contract: string }): Promise<void> {
  await buildPackage(outs.contract, { room: join(here, '..', 'contract') })
  // the built declarations need not lie below a node_modules that holds what they stand on
  const typebox = createRequire(join(here, '..', 'contract', 'package.json')).resolve('typebox')
  const declarations = {
    '@ocelli/contract': join(outs.contract, 'index.d.ts'),
    typebox: typebox.replace(/\.mjs$/, '.d.mts'),
  }
  await buildPackage(outs.sdk, { declarations })
}

async function compile(
  out: string,
  { room, declarations }: { room: string; declarations: Record<string, string> },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-build-'))
  try {
    const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
    const project = join(folder, 'tsconfig.json')
    await writeFile(
      project,
      JSON.stringify({
        extends: join(room, 'tsconfig.build.json'),
        compilerOptions: {
          outDir: out,
          typeRoots: [join(here, '..', '..', 'node_modules', '@types')],
          paths: Object.fromEntries(Object.entries(declarations).map(([name, path]) => [name, [path]])),
        },
        include: [join(room, 'src')],
        exclude: [join(room, 'src/**/*.test.ts')],
      }),
    )
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', project], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`The compiler ended with ${status}.\n${stdout}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The compiler rewrites `./x.ts` to `./x.js` in JavaScript only; not every tool that reads declarations knows that. */
async function nameJavaScript(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replaceAll(/(['"])(\.\.?\/[\w./-]+)\.ts\1/g, '$1$2.js$1'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [other] = process.argv.slice(2)
  if (other) await buildPackage(resolve(other, 'dist'), { room: resolve(other) })
  else await buildWithContract({ sdk: join(here, 'dist'), contract: join(here, '..', 'contract', 'dist') })
}
