import type { Logger } from 'pino'

/**
 * Tells of what fails again and again once, and once more when it works again or fails in another way; the repetitions in between are
 * told at `debug`.
 */
export interface Trouble {
  failed(error: unknown): void
  passed(): void
}

export function createTrouble(log: Pick<Logger, 'error' | 'info' | 'debug'>, what: string, details = {}): Trouble {
  let told: string | null = null
  return {
    failed(err) {
      const { code, message } = err as { code?: unknown; message?: unknown }
      const kind = String(code ?? message ?? err)
      log[kind === told ? 'debug' : 'error']({ ...details, err }, `${what} failed; it is tried again`)
      told = kind
    },
    passed() {
      if (told !== null) log.info(details, `${what} works again`)
      told = null
    },
  }
}
