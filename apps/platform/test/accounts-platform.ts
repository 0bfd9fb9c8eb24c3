import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { accessTokenRoutes } from '../src/features/access-tokens/access-tokens-routes.ts'
import { accountRoutes } from '../src/features/accounts/accounts-routes.ts'
import { authTokenRoutes } from '../src/features/auth-token/auth-token-routes.ts'
import { exchangeDeviceCode } from '../src/features/device-sign-in/device-sign-in-service.ts'
import { projectRoutes } from '../src/features/projects/projects-routes.ts'
import { technicalUserRoutes } from '../src/features/technical-users/technical-users-routes.ts'
import type { PersonDirectory } from '../src/features/users/person-directory.ts'
import { userRoutes } from '../src/features/users/users-routes.ts'
import { createTestPlatform } from './test-platform.ts'

/** A directory that only remembers. */
function rememberingDirectory(): PersonDirectory & { people: Map<string, { email: string; password: string }> } {
  const people = new Map<string, { email: string; password: string }>()
  return {
    people,
    createPerson: async (person) => {
      const id = randomUUID()
      people.set(id, person)
      return id
    },
    deletePerson: async (id) => void people.delete(id),
  }
}

/** Accounts, people and projects over HTTP on a database of the test's own. */
export async function createAccountsPlatform() {
  const people = rememberingDirectory()
  const platform = await createTestPlatform((parts) => {
    const log = pino({ level: 'silent' })
    const deps = { ...parts, forget: parts.bearer.forget, people, publicUrl: 'http://127.0.0.1:8080', log }
    return [
      ...authTokenRoutes({ ...deps, exchangeDeviceCode }),
      ...accountRoutes(deps),
      ...userRoutes(deps),
      ...technicalUserRoutes(deps),
      ...accessTokenRoutes(deps),
      ...projectRoutes(deps),
    ]
  })
  return { ...platform, people }
}
export type AccountsPlatform = Awaited<ReturnType<typeof createAccountsPlatform>>
