import {
  type Attempt,
  type Client,
  type ClientOptions,
  createClient,
  isOcelliError,
  type OcelliError,
  personalAccessToken,
} from '../src/index.ts'
import { playScript, type Scene, type ScriptedServer } from './scripted-server.ts'
import { createTestClock, type TestClock } from './test-clock.ts'

export interface Play {
  server: ScriptedServer
  clock: TestClock
  client: Client
  /** As the hook was told. */
  attempts: Attempt[]
}

/** A client in test time, with a middling chance, and a server that plays the scenes. */
export async function play(
  scenes: [Scene, ...Scene[]],
  { clock = createTestClock(), ...options }: Partial<Omit<ClientOptions, 'clock'>> & { clock?: TestClock } = {},
): Promise<Play> {
  const server = await playScript(...scenes)
  const attempts: Attempt[] = []
  const client = createClient({
    ...{ baseUrl: server.baseUrl, credentials: personalAccessToken('ocp_test'), clock, random: () => 0.5 },
    onAttempt: (attempt) => attempts.push(attempt),
    ...options,
  })
  return { server, clock, client, attempts }
}

/** The error that a call fails with. */
export async function failure(promise: Promise<unknown>): Promise<OcelliError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!isOcelliError(error)) throw new Error(`Not an error of the client: ${String(error)}`)
  return error
}
