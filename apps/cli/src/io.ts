import type { Clock } from '@ocelli/sdk'

/** Where text goes. */
export interface TextSink {
  write(text: string): void
  isTerminal: boolean
  /** Of a terminal; 80 where it is none. */
  columns: number
}

/** Asks the person at the terminal; rejects with `cancelled` when that one gives up. */
export interface Prompter {
  text(question: string): Promise<string>
  secret(question: string): Promise<string>
  confirm(question: string): Promise<boolean>
}

/** The world around the program. */
export interface Io {
  stdout: TextSink
  stderr: TextSink
  /** The terminal that stderr is, for lines that move; null: it is none. */
  terminal: NodeJS.WriteStream | null
  /** What is piped in, for `-` as a file name. */
  stdin: AsyncIterable<Uint8Array | string>
  env: Readonly<Record<string, string | undefined>>
  platform: NodeJS.Platform
  hostName: string
  cwd: string
  configFolder: string
  fetch: typeof fetch
  /** From then on this process trusts servers whose certificates this CA (PEM) has issued, beside those it trusts anyway. */
  trust: (caPem: string) => void
  /** Null where nobody can be asked. */
  prompt: Prompter | null
  /** Null where there is no browser to open. */
  openBrowser: ((url: string) => void) | null
  clock: Clock
  /** From 0 to below 1 */
  random: () => number
  /** Aborts when the program is to end. */
  signal: AbortSignal
  version: string
}
