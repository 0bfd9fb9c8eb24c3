import type { Problem } from '@ocelli/contract'

/** What Ajv says of one keyword that does not hold. With its option `verbose`, also the schema that it stands in. */
export interface ValidationItem {
  instancePath: string
  keyword: string
  message?: string
  params?: Readonly<Record<string, unknown>>
  parentSchema?: { description?: string }
}

type FieldError = Problem['errors'][number]

/** A pointer into what somebody sent is told back, and names there may be of any length. */
const longestPointer = 200

/**
 * The same in words for a person. `first` is the one that helps most: of a value that may have several forms, the fault inside
 * the form it has, else all types that it may have. `rootType` is what the body as a whole must be: an object, but for a few routes.
 */
export function readValidation(items: readonly ValidationItem[]) {
  const errors = items.map(toFieldError)
  const [begin] = items
  const rootType = typeof begin?.params?.type === 'string' ? begin.params.type : 'object'
  return { first: firstOf(items, errors), errors, rootType }
}

function firstOf(items: readonly ValidationItem[], errors: readonly FieldError[]): FieldError {
  const either = items.find(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
  const begin = errors[0] ?? { pointer: '', code: 'invalid', detail: 'is not valid' }
  if (!either) return begin
  const within = items.findIndex(({ instancePath }) => instancePath.startsWith(`${either.instancePath}/`))
  if (within >= 0) return errors[within] ?? begin
  const types = items.flatMap(({ keyword, params }) => (keyword === 'type' ? typesOf(params?.type) : []))
  if (types.length < 2) return begin
  return { pointer: pointerOf(either), code: 'type', detail: `must be ${[...new Set(types)].join(' or ')}` }
}

const toFieldError = (item: ValidationItem): FieldError => ({
  pointer: pointerOf(item),
  code: item.keyword,
  detail: describe(item),
})

function pointerOf({ instancePath, keyword, params }: ValidationItem): string {
  const named = { required: params?.missingProperty, additionalProperties: params?.additionalProperty }[keyword]
  const pointer = named === undefined ? instancePath : `${instancePath}/${String(named)}`
  return pointer.length > longestPointer ? `${pointer.slice(0, longestPointer)}…` : pointer
}

const typesOf = (type: unknown): string[] => [type].flat().flatMap((name) => String(name).split(','))

const formats: Record<string, string> = {
  'date-time': 'a time such as 2026-01-31T12:00:00Z',
  uuid: 'a UUID',
  email: 'an e-mail address',
}

function describe({ keyword, message, params = {}, parentSchema }: ValidationItem): string {
  const limit = Number(params.limit)
  switch (keyword) {
    case 'required':
      return 'is required'
    case 'additionalProperties':
      return 'is not known here'
    case 'enum':
      return `must be one of ${[params.allowedValues]
        .flat()
        .filter((value) => value !== null)
        .join(', ')}`
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`
    case 'type':
      return `must be ${typesOf(params.type).join(' or ')}`
    case 'pattern':
      return parentSchema?.description ? `must be ${parentSchema.description}` : `must match ${String(params.pattern)}`
    case 'format':
      return `must be ${formats[String(params.format)] ?? String(params.format)}`
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`
    case 'maxLength':
      return `must have at most ${limit} characters`
    case 'minItems':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} entries`
    case 'maxItems':
      return `must have at most ${limit} entries`
    case 'minProperties':
      return `must name at least ${limit === 1 ? 'one thing' : `${limit} things`}`
    case 'uniqueItems':
      return 'must not name anything twice'
    case 'minimum':
      return `must be at least ${limit}`
    case 'maximum':
      return `must be at most ${limit}`
    default:
      return message ?? 'is not valid'
  }
}
