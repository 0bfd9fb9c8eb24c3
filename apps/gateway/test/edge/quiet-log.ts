import type { Log } from '../../src/state/log.ts'

const nothing = () => undefined
export const quietLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Keeps every line, so that a test can look for what must and what must not be there. */
export function createRecordingLog(): Log & { lines: string[] } {
  const lines: string[] = []
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  return { lines, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
