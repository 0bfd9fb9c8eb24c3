import { expect, test } from 'vitest'
import { createMemoryFolder } from '../../test/work/memory-edge.ts'
import { appId, desiredApp, desiredDevice } from '../../test/work/scripted-platform.ts'
import { newAttempt } from './attempt.ts'
import { deviceFile, openDeviceMemory } from './device-memory.ts'

const deviceId = '../Camera: "1" <höf>'
const logged: string[] = []
const silent = () => undefined
const log = {
  debug: silent,
  info: silent,
  warn: silent,
  error: (_fields: object, message: string) => logged.push(message),
}

test('what was written is there after a restart, whatever the device id holds', async () => {
  const stateFolder = createMemoryFolder()
  const before = await openDeviceMemory({ stateFolder, deviceId, log })
  const desired = desiredDevice(deviceId, [desiredApp()])
  const attempt = { ...newAttempt(1), step: 'UPLOAD' as const, done: { DOWNLOAD: 1 } }
  const apps = new Map([[appId, { attempt, installed: null, license: null }]])
  await before.write({ desired, apps })
  const after = await openDeviceMemory({ stateFolder, deviceId, log })
  expect(after.content).toMatchObject({ desired, apps })
  expect([...stateFolder.files.keys()].every((name) => /^work\/[A-Za-z0-9._-]+$/.test(name))).toBe(true)
})

test.each([
  ['is not JSON', '{"format":1'],
  ['has another form', '{"format":2}'],
  ['belongs to another device', '{"format":1,"deviceId":"other","desired":null,"apps":{}}'],
])('a file that %s is reported and begun anew', async (_what, text) => {
  const stateFolder = createMemoryFolder()
  stateFolder.files.set(deviceFile('work', deviceId), text)
  logged.length = 0
  const memory = await openDeviceMemory({ stateFolder, deviceId, log })
  expect(memory.content).toMatchObject({ desired: null })
  expect(logged).toHaveLength(1)
})

test('a write that fails is told to its caller, and later writes still happen', async () => {
  const stateFolder = createMemoryFolder()
  const memory = await openDeviceMemory({ stateFolder, deviceId, log })
  const { writeJson } = stateFolder
  stateFolder.writeJson = async () => {
    throw new Error('disk full')
  }
  await expect(memory.write({ desired: desiredDevice(deviceId, []) })).rejects.toThrow('disk full')
  stateFolder.writeJson = writeJson
  await memory.write({ apps: new Map() })
  expect((await openDeviceMemory({ stateFolder, deviceId, log })).content.desired?.deviceId).toBe(deviceId)
})

test('a forgotten device stays forgotten, even by a write that was under way', async () => {
  const stateFolder = createMemoryFolder()
  const memory = await openDeviceMemory({ stateFolder, deviceId, log })
  const writing = memory.write({ desired: desiredDevice(deviceId, []) })
  await Promise.all([writing, memory.forget(), memory.write({ apps: new Map() })])
  expect(stateFolder.files.size).toBe(0)
})
