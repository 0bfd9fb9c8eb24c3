import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'

/** One of a closed set of strings; shows as `enum` in OpenAPI. */
export function oneOf<const Values extends readonly string[]>(
  values: Values,
  options: Record<string, unknown> = {},
): TUnsafe<Values[number]> {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], ...options })
}

/** A value that is always present and may be null. */
export function nullable<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema> | null> {
  const { type, enum: choices, ...rest } = schema as unknown as { type?: unknown; enum?: unknown[] }
  if (typeof type !== 'string') return Type.Unsafe<Static<Schema> | null>({ anyOf: [schema, { type: 'null' }] })
  return Type.Unsafe<Static<Schema> | null>({
    ...rest,
    type: [type, 'null'],
    ...(choices ? { enum: [...choices, null] } : {}),
  })
}

/** What people call a thing of theirs: anything but blanks alone. */
export const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S', description: 'more than blanks' })

/** RFC 3339, UTC. */
export const Timestamp = Type.String({ format: 'date-time' })
export const Uuid = Type.String({ format: 'uuid' })

/** The identity a camera reports of itself: 1 to 255 characters, no control characters, not `.` or `..`. */
export const DeviceId = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f]+$',
  description: '1 to 255 characters without control characters, and neither . nor ..',
})
/** As packages name their versions: printable text. PostgreSQL takes neither a character 0 nor half of a pair. */
export const VersionName = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$',
  description: 'a version as its package names it, without control characters',
})
/** The identity inside a package (`.apk` package name, `.eap` appName), case kept. */
export const AppId = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]*$',
  description: 'the id inside the package: letters, digits, and after the first . _ or -',
})
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'a SHA-256 in 64 lower-case hex digits' })
