import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startControlServer } from '../src/index.ts'
import { startAxis, uploadEap } from './axis-client.ts'

const mainFile = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [mainFile, '--port', '0', '--user', 'root', '--password', 'secret', ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('the command starts Axis cameras with serial numbers that follow each other', async () => {
  const options = ['--kind', 'axis', '--os', '9.80', '--count', '2', '--architecture', 'armv7hf', '--needs-setup']
  const child = start([...options, '--device-id', 'ACCC8E0000FF'])
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) if (lines.push(line) === 2) break
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['ACCC8E0000FF', 'ACCC8E000100'])
  const url = lines[1]?.split(' ')[1] ?? ''
  const body = JSON.stringify({ method: 'systemready' })
  const reply = await fetch(`${url}/axis-cgi/systemready.cgi`, { method: 'POST', body })
  expect(await reply.json()).toMatchObject({ data: { systemready: 'yes', needsetup: 'yes' } })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test.each([
  [['--kind', 'axis', '--device-id', 'cam-1'], 'serial number'],
  [['--kind', 'axis', '--device-id', 'ACCC8E000001', '--os', '7'], 'AXIS OS 7'],
  [['--kind', 'hanwha', '--device-id', 'ACCC8E000001'], '--kind'],
])('the command refuses %s', async (args, word) => {
  const child = start(args)
  let talk = ''
  child.stderr.on('data', (chunk) => {
    talk += chunk
  })
  const [code] = await once(child, 'close')
  expect([code, talk]).toEqual([1, expect.stringContaining(word)])
})

test('Axis cameras are watched and spoiled over the control port too', async () => {
  const camera = await startAxis()
  const control = await startControlServer({ cameras: [camera], port: 0 })
  onTestFinished(() => control.close())
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'Content-Type': 'application/json' }
    return (
      await fetch(`${control.url}/cameras${path}`, { method, headers, body: body && JSON.stringify(body) })
    ).json()
  }
  const faults = { cgiError: { operations: ['upload'], code: 3 }, uploadOutcomeUnknown: 'lost' }
  expect(await ask('PATCH', '/ACCC8E000001/faults', faults)).toEqual(faults)
  expect(await uploadEap(camera)).toBe('Error: 3')
  expect(await ask('PATCH', '/ACCC8E000001/faults', { uploadOutcomeUnknown: 'maybe' })).toMatchObject({
    code: 'invalid-request',
  })
  expect(await ask('POST', '/ACCC8E000001/apps', { appId: 'vmd', state: 'Active' })).toMatchObject({
    apps: [{ appId: 'vmd', state: 'Running', license: 'None' }],
  })
  expect(await ask('POST', '/ACCC8E000001/reboot', {})).toMatchObject({ reboots: 1 })
})
