import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Writes the package as it is published into a folder: JavaScript, declarations, and a package.json that names them.
 * Inside this repository the sources are used, so its own package.json names those; npm knows no way to have both.
 */
export async function buildPackage(out: string): Promise<void> {
  const room = dirname(fileURLToPath(import.meta.url))
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const project = join(room, 'tsconfig.build.json')
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', project, '--outDir', out], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`The compiler ended with ${status}.\n${stdout}`)
  await nameJavaScript(out)
  const own = JSON.parse(await readFile(join(room, 'package.json'), 'utf8'))
  const { name, version, description, keywords, license, type, engines, dependencies } = own
  const exports = Object.fromEntries(
    Object.entries(own.exports as Record<string, string>).map(([door, source]) => {
      const module = source.replace('./src/', './').replace(/\.ts$/, '')
      return [door, { types: `${module}.d.ts`, default: `${module}.js` }]
    }),
  )
  const published = {
    name,
    version,
    description,
    keywords,
    license,
    type,
    sideEffects: false,
    engines,
    exports,
    dependencies,
    publishConfig: { access: 'public' },
  }
  await writeFile(join(out, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  await copyFile(join(room, 'README.md'), join(out, 'README.md'))
  await copyFile(join(room, '..', '..', 'LICENSE'), join(out, 'LICENSE'))
}

/** The compiler rewrites `./x.ts` to `./x.js` in JavaScript only; not every tool that reads declarations knows that. */
async function nameJavaScript(folder: string): Promise<void> {
  const declarations = (await readdir(folder)).filter((name) => name.endsWith('.d.ts'))
  for (const path of declarations.map((name) => join(folder, name))) {
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replaceAll(/from '(\.\/[a-z-]+)\.ts'/g, "from '$1.js'"))
  }
}

if (import.meta.main) await buildPackage(resolve(dirname(fileURLToPath(import.meta.url)), 'dist'))
