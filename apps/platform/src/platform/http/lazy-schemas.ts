import { createRequire } from 'node:module'

/** What Fastify calls with what it reads or answers; of a validator, `errors` says why it said false. */
type Compiled = ((value: unknown) => unknown) & { errors?: unknown }
type Compile = (route: { schema: unknown }) => Compiled
/** What Fastify takes as `schemaController.compilersFactory.buildSerializer` and `buildValidator`. */
export type BuildCompiler = (schemas: unknown, options: unknown) => Compile

/**
 * Fastify's own compilers of schemas, which work when the first request or answer needs them instead of at the start. For
 * each of the hundreds of answers all shared schemas are checked anew, and most are never given by a process: that was
 * 1.6 s of a restart of 2.8 s, and the requests another 0.25 s.
 */
export function createLazyCompilers(): { buildSerializer: BuildCompiler; buildValidator: BuildCompiler } {
  // of the versions that Fastify itself depends on
  const requireAsFastify = createRequire(import.meta.resolve('fastify'))
  const { SerializerSelector } = requireAsFastify('@fastify/fast-json-stringify-compiler') as {
    SerializerSelector: () => BuildCompiler
  }
  const { AjvCompiler } = requireAsFastify('@fastify/ajv-compiler') as { AjvCompiler: () => BuildCompiler }
  return { buildSerializer: whenNeeded(SerializerSelector()), buildValidator: whenNeeded(AjvCompiler()) }
}

/** The same compiler, which compiles at the first call, once. */
export function whenNeeded(build: BuildCompiler): BuildCompiler {
  return (schemas, options) => {
    const compile = build(schemas, options)
    return (route) => {
      let compiled: Compiled | null = null
      const lazy: Compiled = (value) => {
        compiled ??= compile(route)
        const result = compiled(value)
        lazy.errors = compiled.errors
        return result
      }
      return lazy
    }
  }
}
