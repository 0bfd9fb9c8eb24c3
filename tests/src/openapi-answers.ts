/** What of an OpenAPI document answers are made up from. */
export interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, { schema: Schema }> }> }>>
  components: { schemas: Record<string, Schema> }
}

interface Schema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  anyOf?: Schema[]
  allOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  patternProperties?: Record<string, Schema>
  $ref?: string
}

/** `full`: everything is there, and every list has one item. `bare`: everything that may be null is, and every list is empty. */
export type Fill = 'full' | 'bare'

/** Values that no schema says, by the name of their property. */
export type Known = Record<string, unknown>

/** A route as the document has it, such as `GET /device/v1/devices/{deviceId}`. */
export function routeOf({ paths }: OpenApi, method: string, pathname: string): string | null {
  const asked = pathname.split('/').map(decodeURIComponent)
  const fits = (path: string) => {
    const parts = path.split('/')
    return parts.length === asked.length && parts.every((part, at) => part.startsWith('{') || part === asked[at])
  }
  // `self` before `{gatewayId}`
  const [best] = Object.keys(paths)
    .filter((path) => fits(path) && method.toLowerCase() in (paths[path] ?? {}))
    .sort((a, b) => a.split('{').length - b.split('{').length)
  return best === undefined ? null : `${method} ${best}`
}

/** A successful answer of a route, as its schema allows. */
export function answerOf(
  { paths, components }: OpenApi,
  route: string,
  { fill, known }: { fill: Fill; known: Known },
): { status: number; json: unknown } {
  const [method = '', path = ''] = route.split(' ', 2)
  const responses = paths[path]?.[method.toLowerCase()]?.responses ?? {}
  // of several the one that says that something was made, or is under way
  const status = Object.keys(responses).findLast((code) => code.startsWith('2')) ?? '200'
  const schema = responses[status]?.content?.['application/json']?.schema
  return { status: Number(status), json: schema === undefined ? undefined : sample(schema, 'body') }

  function sample(given: Schema, name: string): unknown {
    if (fill === 'full' && name in known) return known[name]
    if (given.$ref) return sample(components.schemas[given.$ref.split('/').at(-1) ?? ''] ?? {}, name)
    if ('const' in given) return given.const
    if (given.enum) return given.enum[0]
    if (given.allOf) return Object.assign({}, ...given.allOf.map((part) => sample(part, name)))
    if (given.anyOf) {
      const isNull = ({ type }: Schema) => type === 'null'
      const other = given.anyOf.find((one) => !isNull(one))
      return (fill === 'bare' && given.anyOf.some(isNull)) || !other ? null : sample(other, name)
    }
    const types = [given.type ?? 'object'].flat()
    if (fill === 'bare' && types.includes('null')) return null
    switch (types.find((type) => type !== 'null')) {
      case 'array':
        return fill === 'full' ? [sample(given.items ?? {}, name)] : []
      case 'integer':
      case 'number':
        return 1
      case 'boolean':
        return true
      case 'string':
        return text(given, name)
      default:
        return Object.fromEntries(
          Object.entries(given.properties ?? {}).map(([key, property]) => [key, sample(property, key)]),
        )
    }
  }
}

function text({ format }: Schema, name: string): string {
  if (format === 'uuid') return '11111111-1111-4111-8111-111111111111'
  if (format === 'date-time') return '2026-01-01T00:00:00Z'
  return name
}
