import pino, { type Logger } from 'pino'
import { GatewayError } from '../state/gateway-error.ts'

const levels = ['debug', 'info', 'warn', 'error', 'silent']
const secrets = ['password', 'credentials', 'license', 'privateKey', 'token', 'authorization']

/** JSON lines on stderr. Nothing secret is given to it; what is named like a secret is struck out all the same. */
export function openLog(level: string): Logger {
  if (!levels.includes(level))
    throw new GatewayError('invalid-input', `"${level}" is no log level: ${levels.join(', ')}.`)
  const paths = secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  const options = { level, base: null, redact: paths, serializers: { error: pino.stdSerializers.err } }
  return pino(options, pino.destination({ dest: 2, sync: true }))
}
