import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startLocalGateway } from './local-gateway.ts'

/** Writes its environment where it is told to, and lives until its parent lets go of it. */
const program = `
import { renameSync, writeFileSync } from 'node:fs'
writeFileSync(process.env.OUT + '.new', JSON.stringify({ ...process.env, pid: process.pid }))
renameSync(process.env.OUT + '.new', process.env.OUT)
process.on('disconnect', () => process.exit())
`

async function makeProgram() {
  const folder = await mkdtemp(join(tmpdir(), 'ocelli-local-gateway-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'program.mjs'), program)
  const options = {
    ...{ program: join(folder, 'program.mjs'), platformUrl: 'http://127.0.0.1:1', home: folder },
    ...{ enrollmentToken: 'oet1', log: pino({ level: 'silent' }) },
  }
  return { out: join(folder, 'environment.json'), options }
}

const written = (out: string) => vi.waitFor(() => readFile(out, 'utf8'), { timeout: 30_000, interval: 20 })

test('a gateway that the system cannot start at the moment is started later', async () => {
  const { out, options } = await makeProgram()
  const { execPath } = process
  onTestFinished(() => {
    process.execPath = execPath
  })
  process.execPath = join(options.home, 'not-there')
  const error = vi.spyOn(options.log, 'error')
  const gateway = startLocalGateway({ ...options, environment: { OUT: out, PATH: process.env.PATH } })
  onTestFinished(() => gateway.stop())
  await vi.waitFor(() => expect(error).toHaveBeenCalled(), { timeout: 30_000, interval: 20 })
  process.execPath = execPath
  expect(await written(out)).toContain('oet1')
}, 60_000)

test('a gateway whose start is refused at once, as for want of memory, does not end the platform', async () => {
  const { out, options } = await makeProgram()
  const error = vi.spyOn(options.log, 'error')
  const environment: Record<string, string | undefined> = { OUT: out, PATH: process.env.PATH }
  const gateway = startLocalGateway({ ...options, environment })
  onTestFinished(() => gateway.stop())
  const { pid } = JSON.parse(await written(out)) as { pid: number }
  await rm(out)
  // more than any system hands to a program
  environment.TOO_LARGE = 'x'.repeat(64 * 1024 * 1024)
  process.kill(pid, 'SIGKILL')
  await vi.waitFor(() => expect(error).toHaveBeenCalled(), { timeout: 30_000, interval: 20 })
  delete environment.TOO_LARGE
  expect(await written(out)).toContain('oet1')
}, 60_000)

test('the gateway, which talks with cameras, is not given the secrets of the platform', async () => {
  const { out, options } = await makeProgram()
  const secrets = {
    ...{ OCELLI_MASTER_KEY: 'x', OCELLI_ADMIN_PASSWORD: 'x', OCELLI_CLIENT_SECRET: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
    ...{ DATABASE_URL: 'postgres://u:p@db', MQTT_URL: 'mqtts://u:p@broker', BLOB_URL: 's3://b', PGPASSWORD: 'x' },
  }
  const gateway = startLocalGateway({
    ...options,
    environment: { ...secrets, OUT: out, PATH: process.env.PATH, HTTPS_PROXY: 'http://proxy', OCELLI_DISCOVERY: 'off' },
  })
  onTestFinished(() => gateway.stop())
  const given = JSON.parse(await written(out)) as Record<string, string>
  expect(Object.keys(given).filter((name) => name in secrets)).toEqual([])
  expect(given).toMatchObject({
    ...{ OCELLI_ENROLLMENT_TOKEN: 'oet1', HTTPS_PROXY: 'http://proxy', OCELLI_DISCOVERY: 'off' },
  })
})
