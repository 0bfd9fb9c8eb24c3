/** What a gateway needs of a log; a pino logger is one. Never given a password, a license or a URL with a token. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
