import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startLocalGateway } from './local-gateway.ts'

/** Writes its environment where it is told to, and lives until its parent lets go of it. */
const program = `
import { renameSync, writeFileSync } from 'node:fs'
writeFileSync(process.env.OUT + '.new', JSON.stringify(process.env))
renameSync(process.env.OUT + '.new', process.env.OUT)
process.on('disconnect', () => process.exit())
`

test('the gateway, which talks with cameras, is not given the secrets of the platform', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-local-gateway-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const out = join(folder, 'environment.json')
  await writeFile(join(folder, 'program.mjs'), program)
  const secrets = {
    ...{ OCELLI_MASTER_KEY: 'x', OCELLI_ADMIN_PASSWORD: 'x', OCELLI_CLIENT_SECRET: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
    ...{ DATABASE_URL: 'postgres://u:p@db', MQTT_URL: 'mqtts://u:p@broker', BLOB_URL: 's3://b', PGPASSWORD: 'x' },
  }
  const gateway = startLocalGateway({
    ...{ program: join(folder, 'program.mjs'), platformUrl: 'http://127.0.0.1:1', home: folder },
    ...{ enrollmentToken: 'oet1', log: pino({ level: 'silent' }) },
    environment: { ...secrets, OUT: out, PATH: process.env.PATH, HTTPS_PROXY: 'http://proxy', OCELLI_DISCOVERY: 'off' },
  })
  onTestFinished(() => gateway.stop())
  const text = await vi.waitFor(() => readFile(out, 'utf8'), { timeout: 30_000, interval: 20 })
  const given = JSON.parse(text) as Record<string, string>
  expect(Object.keys(given).filter((name) => name in secrets)).toEqual([])
  expect(given).toMatchObject({
    ...{ OCELLI_ENROLLMENT_TOKEN: 'oet1', HTTPS_PROXY: 'http://proxy', OCELLI_DISCOVERY: 'off' },
  })
})
