import { PackageError } from '../package-error.ts'
import { refuse } from './tar-header.ts'

/** Judges the names of an archive one after another, so that nothing in it can leave its folder or hide behind another. */
export interface TarPaths {
  /** The name without `./` and closing slash; null for the folder of the archive itself. Throws PackageError. */
  add(name: string, entry: { kind: 'file' | 'folder' } | { kind: 'symlink'; target: string }): string | null
}

const maxLength = 512
const maxDepth = 32

export function createTarPaths(): TarPaths {
  const names = new Set<string>()
  const folders = new Set<string>()
  const links = new Set<string>()

  function addParents(path: string): void {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash)
      if (links.has(parent)) throw refuse(`${shown(path)} lies behind a link`)
      folders.add(parent)
    }
  }

  return {
    add(name, entry) {
      const path = normalize(name)
      if (path === '') {
        if (entry.kind === 'folder') return null
        throw refuse('an entry in it has no name')
      }
      // Programs that unpack disagree on which of two counts. Folders may be named again.
      if (names.has(path) && !(entry.kind === 'folder' && folders.has(path)))
        throw refuse(`it holds ${shown(path)} twice`)
      if (entry.kind !== 'folder' && folders.has(path)) throw refuse(`${shown(path)} is a folder and something else`)
      addParents(path)
      names.add(path)
      if (entry.kind === 'folder') folders.add(path)
      if (entry.kind === 'symlink') {
        assertInside(path, entry.target)
        links.add(path)
      }
      return path
    },
  }
}

function normalize(name: string): string {
  if (name.length > maxLength) throw new PackageError('too-complex', `A name in the package is over ${maxLength} long.`)
  if (name.startsWith('/') || /[\\\p{Cc}]/u.test(name)) throw refuse(`the name ${shown(name)} is not acceptable`)
  const parts = name
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/$/, '')
    .split('/')
  if (parts.length > maxDepth)
    throw new PackageError('too-complex', `Folders in the package lie over ${maxDepth} deep.`)
  if (parts.length === 1 && (parts[0] === '' || parts[0] === '.')) return ''
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw refuse(`the name ${shown(name)} is not acceptable`)
  }
  return parts.join('/')
}

/**
 * Libraries come with links such as `libx.so -> libx.so.1`, so links within the package are let in. `..` only counts at
 * the beginning of a target: after a folder that is a link itself, it would lead elsewhere than the text says.
 */
function assertInside(path: string, target: string): void {
  const parts = target.split('/')
  const ups = parts.findIndex((part) => part !== '..')
  const rest = ups < 0 ? [] : parts.slice(ups)
  const isInside = rest.length > 0 && ups < path.split('/').length && rest.every((part) => part !== '..' && part !== '')
  if (!isInside || target.length > maxLength || /[\\\p{Cc}]/u.test(target)) {
    throw refuse(`the link ${shown(path)} leads out of it, to ${shown(target)}`)
  }
}

const shown = (name: string) => JSON.stringify(name.slice(0, 100))
