import type { BaseLogger } from 'pino'

/** What this folder needs of a logger; a pino instance fits. */
export type Log = Pick<BaseLogger, 'debug' | 'info' | 'warn' | 'error'>
