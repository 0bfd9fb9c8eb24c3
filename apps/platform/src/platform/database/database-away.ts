import { Client } from 'pg'
import { awaitPart, isNetworkFailure, type Patience } from '../await-part.ts'

/** Said by pg itself, without a code. */
const lost =
  /^(Connection terminated|timeout expired|timeout exceeded|Client has encountered a connection error|Client was closed)/

/** Shut down, crashed, starting, without a connection left, or a session ended for its long silence (PostgreSQL, appendix A). */
const awayStates = new Set(['57P01', '57P02', '57P03', '53300', '25P03', '25P04', '57P05'])

/** The server cannot be reached, starts, stops or has no connection left: the same statement may work a little later. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = String((error as { code?: unknown }).code ?? '')
  return isNetworkFailure(error) || awayStates.has(code) || code.startsWith('08') || lost.test(error.message)
}

/** The disk takes no more: nothing was changed, and nothing is until there is room (PostgreSQL, appendix A). */
export const isDatabaseFull = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '53100'

const connectTimeoutMs = 5000

/** Resolves when the server takes connections; throws what it says when it does not. */
export async function awaitDatabase(connectionString: string, patience: Patience): Promise<void> {
  const look = async () => {
    const client = new Client({ connectionString, connectionTimeoutMillis: connectTimeoutMs })
    client.on('error', () => {})
    await client.connect()
    await client.end()
  }
  await awaitPart(look, { ...patience, part: 'PostgreSQL', isAway: isDatabaseAway })
}
