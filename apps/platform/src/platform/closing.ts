import type { Logger } from 'pino'

/** What was started, to be stopped in reverse order; a part that fails to stop does not keep the others. */
export function createClosing(log: Logger): {
  add: (name: string, close: () => Promise<unknown> | unknown) => void
  run: () => Promise<void>
  isClosing: () => boolean
} {
  const parts: { name: string; close: () => Promise<unknown> | unknown }[] = []
  let closing: Promise<void> | null = null
  const closeAll = async () => {
    for (const { name, close } of parts.reverse()) {
      try {
        await close()
      } catch (err) {
        log.error({ err, part: name }, 'a part did not stop cleanly')
      }
    }
  }
  return {
    add: (name, close) => void parts.push({ name, close }),
    run: () => {
      closing ??= closeAll()
      return closing
    },
    isClosing: () => closing !== null,
  }
}
