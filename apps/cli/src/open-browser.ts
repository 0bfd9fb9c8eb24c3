import { spawn } from 'node:child_process'
import type { Io } from './io.ts'

/** Opens a page in the person's browser; null where there is none: no screen, or the person sits at another machine. */
export function browserOpener({ env, platform }: Pick<Io, 'env' | 'platform'>): ((url: string) => void) | null {
  const opener = env.SSH_CONNECTION || env.SSH_TTY ? null : openerOf({ env, platform })
  if (!opener) return null
  const [program, ...args] = opener
  return (url) => {
    // no shell reads the address; that nothing has opened is seen by the person, who has been told it too
    spawn(program, [...args, url], { stdio: 'ignore', detached: true })
      .on('error', () => {})
      .unref()
  }
}

function openerOf({ env, platform }: Pick<Io, 'env' | 'platform'>): [string, ...string[]] | null {
  switch (platform) {
    case 'darwin':
      return ['open']
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler']
    default:
      return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open'] : null
  }
}
