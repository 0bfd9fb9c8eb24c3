import type { Client } from '@ocelli/sdk'
import type { Io } from './io.ts'
import type { Output } from './output/output.ts'
import type { Progress } from './output/progress.ts'
import type { Connection, ConnectionFlags } from './profile/connection.ts'
import type { ProfileStore } from './profile/profile-store.ts'

/** Flags that every command takes. */
export interface GlobalFlags extends ConnectionFlags {
  json?: boolean
  verbose?: boolean
  /** seconds */
  timeout: number
  color: boolean
  yes?: boolean
}

/** What a command works with: data goes to `out`, talk to `say`. */
export interface CommandContext extends Io {
  flags: GlobalFlags
  out: Output
  say: (text: string) => void
  progress: Progress
  profiles: ProfileStore
  /** Where to, and as whom. Throws `not-signed-in`. */
  connection: () => Promise<Connection>
  /** A client for it. Throws `not-signed-in`. */
  client: () => Promise<Client>
  /** A client that is not signed in, or as somebody else. */
  clientOf: (connection: Connection, options?: { maxAttempts?: number }) => Promise<Client>
  /** Asks before something that is hard to take back. Throws `wrong-usage` where nobody can be asked and `--yes` is missing. */
  confirm: (question: string) => Promise<void>
}
