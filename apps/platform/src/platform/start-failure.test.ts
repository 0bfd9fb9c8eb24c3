import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createTestDatabase } from '../../test/postgres/create-test-database.ts'
import { ConfigError } from './config.ts'
import { migrate } from './database/migrate.ts'
import { listening, PartUnavailableError, reaching } from './start-failure.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

const variables = { hostVariable: 'OCELLI_HTTP_HOST', portVariable: 'OCELLI_HTTP_PORT' }
const listen = (host: string, port: number): Promise<number> =>
  listening({ host, port, ...variables }, async () => {
    const server = createServer()
    open.push(server)
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
    return (server.address() as { port: number }).port
  })

test('a port that is taken, and an address of another machine, are told with the variable to set', async () => {
  const port = await listen('127.0.0.1', 0)
  await expect(listen('127.0.0.1', port)).rejects.toThrow(
    `Port ${port} of 127.0.0.1 is taken by another program. Stop that one, or set OCELLI_HTTP_PORT to a free port.`,
  )
  // TEST-NET-1, which no machine has
  await expect(listen('192.0.2.1', 0)).rejects.toThrow('Set OCELLI_HTTP_HOST')
  await expect(listen('192.0.2.1', 0)).rejects.toBeInstanceOf(ConfigError)
})

test('an error of ours stays what it is', async () => {
  const bug = new TypeError('x is not a function')
  const at = { host: '127.0.0.1', port: 1, ...variables }
  await expect(listening(at, () => Promise.reject(bug))).rejects.toBe(bug)
  const part = { variable: 'DATABASE_URL', url: 'postgres://db/x' }
  await expect(reaching(part, () => Promise.reject(bug))).rejects.toBe(bug)
})

test('a database that does not answer, refuses the login or lacks the database is told without its password', async () => {
  const { connectionString, drop } = await createTestDatabase()
  const to = (change: (url: URL) => void) => {
    const url = new URL(connectionString)
    change(url)
    return url.href
  }
  const free = await listen('127.0.0.1', 0)
  open.pop()?.close()
  const wrong = [
    to((url) => {
      url.host = `127.0.0.1:${free}`
      url.search = ''
      url.password = 'hunter2'
    }),
    to((url) => {
      url.pathname = '/nowhere'
    }),
    to((url) => {
      url.username = 'nobody-here'
      url.password = 'hunter2'
    }),
  ]
  for (const url of wrong) {
    const failure = await reaching({ variable: 'DATABASE_URL', url }, () => migrate(url)).catch((error: Error) => error)
    expect(failure, url).toBeInstanceOf(PartUnavailableError)
    expect((failure as Error).message).toMatch(/^DATABASE_URL \(.*\) cannot be used: .+\. Check the address/)
    expect((failure as Error).message).not.toContain('hunter2')
  }
  await drop()
})
