import { getSystemErrorMessage } from 'node:util'
import { isOcelliError, type OcelliError } from '@ocelli/sdk'
import { CliError, isFileFault } from './cli-error.ts'
import { exitCodeOf } from './exit-code.ts'
import { inFlags } from './in-flags.ts'
import { OfflineError } from './offline/offline-error.ts'
import { plainText } from './output/plain-text.ts'

const remedies: Record<string, string> = {
  'no-free-license': 'See what is left with: ocelli licenses quantities. Buy more with: ocelli orders place',
  'order-required': 'Name the order with --order; see: ocelli licenses quantities',
  'device-offline': 'With --queue it is carried out when the device returns.',
  'device-unclaimed': 'Claim it first; see: ocelli devices claim --help',
  'app-not-installed': 'Install it first; see: ocelli install --help',
  'licenses-held': 'Uninstall the apps first, or keep the licenses spent with --keep-licenses.',
  'units-in-use': 'See where they are with: ocelli licenses quantities',
  'package-ambiguous': 'Choose with --architecture or --device.',
  'connection-refused': 'Check the address (ocelli whoami shows which one is used) and that the platform runs.',
  'host-not-found': 'Check the address: ocelli whoami shows which one is used.',
  'certificate-refused':
    'Where the platform has a CA of its own: look at it with `ocelli platform ca`, compare it with what the platform printed ' +
    'when it started, and name it with --ca. If --ca or OCELLI_CA names one already, it is not the CA of this platform.',
  'deadline-exceeded': 'Give it longer with --timeout <seconds>.',
}

function remedyOf({ kind, code, requiredPermission }: OcelliError): string | null {
  const known = remedies[code]
  if (known) return known
  if (kind === 'unauthenticated' || code === 'invalid-client') return 'Sign in again with: ocelli login'
  if (kind === 'forbidden') {
    const missing = requiredPermission ? `the permission ${requiredPermission}` : 'a permission'
    return `You lack ${missing}. Ask somebody with account:users for it; see: ocelli whoami`
  }
  return null
}

/**
 * An error as text for a person, in one or more lines: what, where in the request, what to do, the request id. Who wrote the
 * request as a file of the API's own words is told in those.
 */
export function describeError(error: unknown, { isOwnRequest = false } = {}): string[] {
  if (error instanceof CliError || error instanceof OfflineError) return [plainText(error.message)]
  if (isOcelliError(error)) {
    const remedy = remedyOf(error)
    const words = (text: string) => plainText(isOwnRequest ? text : inFlags(text))
    return [
      words(error.message),
      ...error.fieldErrors
        .filter(({ detail }) => !error.message.includes(detail))
        .map(({ pointer, detail }) => words(`  ${pointer || '/'}: ${detail}`)),
      ...(remedy ? [remedy] : []),
      ...(error.requestId ? [plainText(`(${error.code}, request ${error.requestId})`)] : [`(${error.code})`]),
    ]
  }
  if (isFileFault(error)) {
    const { path = 'A file', errno = 0, code, syscall } = error
    return [plainText(`${path}: ${getSystemErrorMessage(errno)} (${code}, ${syscall})`)]
  }
  const fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return [`Something unexpected happened. Please report it with these lines.\n${fault}`]
}

/** An error as one JSON object, for programs. */
export function errorJson(error: unknown): string {
  const exitCode = exitCodeOf(error)
  if (isOcelliError(error)) {
    const { code, message: detail, status, requestId, retryable, requiredPermission, fieldErrors } = error
    const remedy = remedyOf(error)
    return JSON.stringify({
      error: { code, detail, remedy, status, requestId, retryable, requiredPermission, errors: fieldErrors, exitCode },
    })
  }
  const code =
    error instanceof CliError || error instanceof OfflineError
      ? error.code
      : isFileFault(error)
        ? 'file-failed'
        : 'unexpected'
  return JSON.stringify({ error: { code, detail: describeError(error).join('\n'), exitCode } })
}
