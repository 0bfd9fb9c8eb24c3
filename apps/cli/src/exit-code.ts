import { isOcelliError, type OcelliError } from '@ocelli/sdk'
import { CliError, type CliErrorCode, isFileFault } from './cli-error.ts'
import { OfflineError } from './offline/offline-error.ts'

/** What a script may rely on; documented in docs/cli.md. */
export const exitCodes = {
  ok: 0,
  someFailed: 1,
  usage: 2,
  notPermitted: 3,
  notFound: 4,
  unavailable: 5,
  conflict: 6,
  localFile: 7,
  unexpected: 70,
  interrupted: 130,
  readerGone: 141,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export const exitCodeMeanings: Record<keyof typeof exitCodes, string> = {
  ok: 'done, or it was already so',
  someFailed: 'it ran, and some of it failed: devices, a rollout, an audit',
  usage: 'wrong usage: an unknown command or flag, or a value that cannot be',
  notPermitted: 'not signed in, credentials refused, or a permission is missing',
  notFound: 'there is no such thing, or it is not visible to you',
  unavailable: 'the platform does not answer, or not now; the same command may succeed later',
  conflict: 'understood, but not possible in this state, such as no free license or a device that is offline',
  localFile: 'a file or folder on this machine cannot be read or written',
  unexpected: 'a fault of this program',
  interrupted: 'interrupted (Ctrl-C); what was accepted by the platform goes on there',
  readerGone: 'who read the output has closed it',
}

const byCliCode: Record<CliErrorCode, ExitCode> = {
  'wrong-usage': exitCodes.usage,
  'not-signed-in': exitCodes.notPermitted,
  'not-found': exitCodes.notFound,
  'not-trusted': exitCodes.unavailable,
  'file-failed': exitCodes.localFile,
  'some-failed': exitCodes.someFailed,
  refused: exitCodes.conflict,
  cancelled: exitCodes.interrupted,
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return byCliCode[error.code]
  if (error instanceof OfflineError) return exitCodes.conflict
  if (isFileFault(error)) return exitCodes.localFile
  return isOcelliError(error) ? exitCodeOfPlatform(error) : exitCodes.unexpected
}

function exitCodeOfPlatform({ kind, code }: OcelliError): ExitCode {
  // RFC 6749 has 400 and 401 for it
  if (code === 'invalid-client') return exitCodes.notPermitted
  switch (kind) {
    case 'invalid-request':
    case 'invalid-options':
      return exitCodes.usage
    case 'unauthenticated':
    case 'forbidden':
      return exitCodes.notPermitted
    case 'not-found':
      return exitCodes.notFound
    case 'conflict':
      return exitCodes.conflict
    case 'too-many-requests':
    case 'timeout':
    case 'unavailable':
    case 'unreachable':
    case 'bad-answer':
      return exitCodes.unavailable
    case 'cancelled':
      return exitCodes.interrupted
  }
}
