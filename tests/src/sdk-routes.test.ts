import { clientCredentials, createClient, isOcelliError, type Listing } from '@ocelli/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type System, startSystem } from './system.ts'

interface Operation {
  route: string
  access: string
  obeysKey: boolean
}
interface Method {
  name: string
  call: () => unknown
  route: string
  traits: { isPublic?: boolean; ignoresKey?: boolean; isRepeatable?: boolean }
}

let system: System
let operations: Map<string, Operation>
let methods: Method[]

beforeAll(async () => {
  system = await startSystem()
  const document = JSON.parse(await system.download('/openapi.json')) as {
    paths: Record<string, Record<string, { 'x-ocelli-access': string; 'x-ocelli-idempotency-key'?: boolean }>>
  }
  operations = new Map(
    Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, operation]) => {
        const route = `${verb.toUpperCase()} ${path}`
        const obeysKey = operation['x-ocelli-idempotency-key'] === true
        return [route, { route, access: operation['x-ocelli-access'], obeysKey }] as const
      }),
    ),
  )
  methods = methodsOf(createClient({ baseUrl: system.url, credentials: { kind: 'none' } }), 'client')
})
afterAll(() => system?.close())

/** Every function of the client that says which route it calls. */
function methodsOf(part: object, path: string): Method[] {
  return Object.entries(part).flatMap(([key, value]: [string, unknown]) => {
    const name = `${path}.${key}`
    if (typeof value === 'function' && 'route' in value)
      return [{ ...(value as unknown as Method), name, call: value as unknown as () => unknown }]
    return typeof value === 'object' && value !== null ? methodsOf(value, name) : []
  })
}

const isListing = (answer: unknown): answer is Listing<unknown> =>
  typeof answer === 'object' && answer !== null && 'toArray' in answer

describe('the SDK and the OpenAPI document of a running platform', () => {
  it('have the same routes', () => {
    expect(operations.size).toBeGreaterThan(60)
    const called = new Set(methods.map(({ route }) => route))
    const withoutMethod = [...operations.keys()].filter((route) => !called.has(route))
    const withoutRoute = methods
      .filter(({ route }) => !operations.has(route))
      .map(({ name, route }) => `${name}: ${route}`)
    expect({ withoutMethod, withoutRoute }).toEqual({ withoutMethod: [], withoutRoute: [] })
  })

  it('agree on what is answered: every method that reads without ids gets what it expects', async () => {
    const credentials = clientCredentials(system.clientId, system.clientSecret)
    const client = createClient({ baseUrl: system.url, credentials, retry: { maxAttempts: 1 } })
    const reading = methodsOf(client, 'client').filter(
      ({ route }) => route.startsWith('GET ') && !route.includes('{') && !route.endsWith('/stream'),
    )
    expect(reading.length).toBeGreaterThan(20)
    const wrong: string[] = []
    for (const { name, call } of reading) {
      try {
        const answer = await call()
        if (isListing(answer)) await answer.toArray({ limit: 1 })
      } catch (error) {
        // sessions and personal access tokens are for people
        const isForPeople = isOcelliError(error) && ['unauthenticated', 'forbidden'].includes(error.kind)
        if (!isForPeople) wrong.push(`${name}: ${String(error)}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('agree which calls obey an Idempotency-Key', () => {
    const wrong = methods.filter(({ route, traits }) => {
      const sendsKey = !route.startsWith('GET ') && !traits.isPublic && !traits.ignoresKey && !traits.isRepeatable
      return sendsKey !== operations.get(route)?.obeysKey
    })
    expect(wrong.map(({ name }) => name)).toEqual([])
  })

  it('agree who may call: nothing guarded is called without credentials', () => {
    const wrong = methods.filter(({ route, traits }) => traits.isPublic && operations.get(route)?.access !== 'public')
    expect(wrong.map(({ name }) => name)).toEqual([])
  })
})
