import { createRequire } from 'node:module'

type Serialize = (value: unknown) => string
type Compile = (route: { schema: unknown }) => Serialize
/** What Fastify takes as `schemaController.compilersFactory.buildSerializer`. */
export type BuildSerializers = (schemas: unknown, options: unknown) => Compile

/**
 * Fastify's own compiler of answers, which works when a schema's first answer is given instead of at the start. Each of
 * the hundreds of answers checks all shared schemas anew, and most are never given by a process: that was 1.6 s of a
 * restart of 2.8 s.
 */
export function createLazySerializers(build: BuildSerializers = fastifysOwn()): BuildSerializers {
  return (schemas, options) => {
    const compile = build(schemas, options)
    return (route) => {
      let serialize: Serialize | null = null
      return (value) => {
        serialize ??= compile(route)
        return serialize(value)
      }
    }
  }
}

/** Of the version that Fastify itself depends on. */
function fastifysOwn(): BuildSerializers {
  const requireAsFastify = createRequire(import.meta.resolve('fastify'))
  const { SerializerSelector } = requireAsFastify('@fastify/fast-json-stringify-compiler') as {
    SerializerSelector: () => BuildSerializers
  }
  return SerializerSelector()
}
