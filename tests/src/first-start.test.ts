import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { end, freePort, runPlatformCommand, startPlatformProcess } from './processes.ts'

async function takePort(): Promise<{ port: number; release: () => void }> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as { port: number }).port, release: () => server.close() }
}

async function environmentOf(httpPort: number) {
  const home = await mkdtemp(join(tmpdir(), 'ocelli-first-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  return {
    ...{ PATH: process.env.PATH, OCELLI_HOME: home, OCELLI_LOCAL_GATEWAY: 'off', OCELLI_LOG_LEVEL: 'error' },
    ...{ OCELLI_HTTP_PORT: String(httpPort), OCELLI_MQTT_PORT: String(await freePort()) },
  }
}

test('a first start that fails late tells the secrets that it made, and they count at the next', {
  timeout: 180_000,
}, async () => {
  const { port, release } = await takePort()
  const environment = await environmentOf(port)
  const { code, said } = await runPlatformCommand([], environment)
  expect({ code, said }).toMatchObject({ code: 2, said: expect.stringContaining(`Port ${port} of 127.0.0.1 is taken`) })
  const [, clientId] = /Technical user +(\S+)/.exec(said) ?? []
  const [, clientSecret] = /Client secret +(\S+)/.exec(said) ?? []
  expect(said).toMatch(/Password +\S+ +\(shown this once\)/)
  release()
  const platform = await startPlatformProcess(environment)
  try {
    const { status } = await fetch(`http://127.0.0.1:${port}/auth/v1/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    expect(status).toBe(200)
  } finally {
    await end(platform, 'SIGTERM')
  }
})
