import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

interface JsonSchema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  description?: string
  minLength?: number
  minimum?: number
  minItems?: number
  minProperties?: number
  items?: JsonSchema
  anyOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  required?: string[]
  $ref?: string
}

interface Document {
  paths: Record<string, Record<string, DeclaredOperation>>
  components: { schemas: Record<string, JsonSchema> }
}
interface DeclaredOperation {
  'x-ocelli-access'?: string
  requestBody?: { content: Record<string, { schema: JsonSchema }> }
}

/** One verb of one path, as the OpenAPI document declares it. */
export interface Operation {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  access: string
  bodyType: string
  /** The least body that is of the right shape; null where none is taken. */
  sampleBody: (() => unknown) | null
}

/** All operations of the document that the server itself serves. */
export function readOperations(app: FastifyInstance): Operation[] {
  const document = app.swagger() as unknown as Document
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, declared]): Operation => {
      const [bodyType = 'application/json', content] = Object.entries(declared.requestBody?.content ?? {})[0] ?? []
      return {
        method: method.toUpperCase() as Operation['method'],
        path,
        access: declared['x-ocelli-access'] ?? 'undeclared',
        bodyType,
        sampleBody: content ? () => sample(content.schema, document.components.schemas) : null,
      }
    }),
  )
}

export const named = ({ method, path }: Operation): string => `${method} ${path}`

/** The least that a schema takes. */
function sample(schema: JsonSchema, schemas: Record<string, JsonSchema>): unknown {
  const sampleOf = (part: JsonSchema = {}) => sample(part, schemas)
  if (schema.$ref) return sampleOf(schemas[schema.$ref.split('/').at(-1) ?? ''])
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf?.[0]) return sampleOf(schema.anyOf[0])
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'object': {
      const names = schema.required ?? []
      const wanted =
        names.length === 0 && schema.minProperties ? Object.keys(schema.properties ?? {}).slice(0, 1) : names
      return Object.fromEntries(wanted.map((name) => [name, sampleOf(schema.properties?.[name])]))
    }
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items))
    case 'integer':
      return schema.minimum ?? 1
    case 'boolean':
      return true
    case 'string':
      if (schema.format === 'uuid') return randomUUID()
      if (schema.format === 'email') return `${randomUUID()}@example.com`
      if (schema.format === 'date-time') return '2026-01-01T00:00:00Z'
      if (schema.description?.includes('compact JWE')) return 'head..iv.text.tag'
      return 'xxxxxxxxxxxxxxxxxxxxxxxx'.slice(0, Math.max(3, schema.minLength ?? 3))
    default:
      return {}
  }
}
