import type { FastifyInstance } from 'fastify'
import type { TSchema } from 'typebox'

/** Gives schemas with an `$id` to the server once and names them from then on, so that OpenAPI shows them as components. */
export function createSchemaRegistry(app: FastifyInstance): { reference: (schema: TSchema) => TSchema } {
  const replace = (node: unknown, isRoot: boolean): unknown => {
    if (Array.isArray(node)) return node.map((item) => replace(item, false))
    if (node === null || typeof node !== 'object') return node
    const id = (node as { $id?: unknown }).$id
    if (typeof id === 'string' && !isRoot) {
      if (!app.getSchema(id)) app.addSchema(replace(node, true))
      return { $ref: `${id}#` }
    }
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, replace(value, false)]))
  }
  return { reference: (schema) => replace(schema, false) as TSchema }
}
