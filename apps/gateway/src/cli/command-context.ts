import type { DriverTable } from '@ocelli/driver'
import type { Clock } from '../state/clock.ts'

/** The world around a command: data goes to `print`, talk to `say`. */
export interface CommandContext {
  env: Readonly<Record<string, string | undefined>>
  /** The state folder. */
  home: string
  version: string
  drivers: DriverTable
  clock: Clock
  signal: AbortSignal
  print: (line: string) => void
  say: (line: string) => void
  /** Null where nobody can be asked. */
  askPassword: ((question: string) => Promise<string>) | null
}
