import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createAxisCamera } from '../src/index.ts'
import { control, root, serialNumber, startAxis, uploadEap } from './axis-client.ts'

async function makeStateFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'axis-state-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return join(folder, 'state.json')
}

test('apps, users, settings and certificate outlive the process', async () => {
  const stateFile = await makeStateFile()
  const first = await createAxisCamera({ serialNumber, ...root, installMs: 1, stateFile })
  await uploadEap(first, { httpPaths: ['api'], parameters: [{ name: 'Speed', default: '5', type: 'int' }] })
  await control(first, 'start')
  first.setAllowUnsigned(false)
  first.setCredentials({ user: 'root', password: 'changed' })
  await first.reboot()
  const apps = first.apps()
  await first.close()
  const second = await startAxis({ stateFile, password: 'secret' })
  expect(second.apps()).toEqual(apps)
  expect([second.reboots, second.apps()[0]?.state]).toEqual([1, 'Running'])
  second.setCredentials(root)
  expect(await uploadEap(second, { appId: 'unsigned' })).toBe('Error: 2')
})

test('the certificate stays the same', async () => {
  const stateFile = await makeStateFile()
  const first = await startAxis({ stateFile, https: true })
  const second = await startAxis({ stateFile, https: true })
  expect(second.certificate).toBe(first.certificate)
})

test('a state file of another camera, or of something else, is refused', async () => {
  const stateFile = await makeStateFile()
  await startAxis({ stateFile })
  await expect(startAxis({ stateFile, serialNumber: 'ACCC8E000002' })).rejects.toThrow('state of ACCC8E000001')
  await writeFile(stateFile, '{"deviceId":"cam-1","apps":[]}')
  await expect(startAxis({ stateFile })).rejects.toThrow('no state file of a simulated Axis camera')
})
