import { createClient } from '@ocelli/sdk'
import { CliError, wrongUsage } from './cli-error.ts'
import type { CommandContext, GlobalFlags } from './command-context.ts'
import type { Io } from './io.ts'
import { createOutput } from './output/output.ts'
import { plainText } from './output/plain-text.ts'
import { createProgress } from './output/progress.ts'
import { isInTheClear, resolveConnection } from './profile/connection.ts'
import { createProfileStore } from './profile/profile-store.ts'
import { findTrustedCa } from './profile/trusted-ca.ts'

/** Everything a command works with, made once its flags are known. Nothing is read or sent before a command asks for it. */
export function createContext(io: Io, flags: GlobalFlags): CommandContext {
  const say = (text: string) => io.stderr.write(`${text}\n`)
  const profiles = createProfileStore(io)
  const isPlain = !flags.color || Boolean(io.env.NO_COLOR)
  const { terminal, clock } = io
  const clientOf: CommandContext['clientOf'] = async (connection, { maxAttempts } = {}) => {
    const { url, ca, credentials } = connection
    if (isInTheClear(url)) say(`Beware: ${url} is not encrypted; what is sent there can be read on the way.`)
    if (ca) io.trust(await findTrustedCa(ca, { url, cwd: io.cwd, signal: io.signal }))
    const { signal, fetch, random } = io
    return createClient({
      ...{ baseUrl: url, credentials, signal, fetch, clock, random, userAgent: `ocelli-cli/${io.version}` },
      retry: {
        ...{ deadlineMs: flags.timeout * 1000, attemptTimeoutMs: flags.timeout * 1000 },
        ...(maxAttempts === undefined ? {} : { maxAttempts }),
      },
      onAttempt: ({ route, number, durationMs, status, requestId, error, retryInMs }) => {
        if (flags.verbose) {
          const came = status ?? error?.code ?? 'nothing'
          say(plainText(`${route} -> ${came} in ${Math.round(durationMs)} ms, attempt ${number}, request ${requestId}`))
        }
        if (error && retryInMs !== null && retryInMs > 0) {
          say(plainText(`${error.message} Trying again in ${Math.ceil(retryInMs / 1000)} s.`))
        }
      },
    })
  }
  const connection = async () => {
    const { connection: found, notes } = await resolveConnection(flags, { env: io.env, profiles })
    for (const note of notes) say(note)
    if (found.profile !== null && (await profiles.isReadableByOthers())) {
      say(`Beware: ${profiles.path} can be read by others on this machine. Close it with: chmod 600 ${profiles.path}`)
    }
    return found
  }
  return {
    ...io,
    ...{ flags, say, profiles, clientOf, connection },
    out: createOutput({ stdout: io.stdout, say, isJson: flags.json ?? false, isPlain }),
    progress: createProgress({ say, terminal: isPlain ? null : terminal, nowMs: () => clock.monotonicMs() }),
    client: async () => await clientOf(await connection()),
    async confirm(question) {
      if (flags.yes) return
      if (!io.prompt) throw wrongUsage(`${question} Nobody can be asked here: add --yes if it shall be.`)
      if (!(await io.prompt.confirm(question))) throw new CliError('cancelled', 'Nothing was changed.')
    },
  }
}
