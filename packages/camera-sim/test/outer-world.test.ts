import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { type SimulatedCamera, startDiscovery } from '../src/index.ts'
import { readXml } from '../src/xml/reader.ts'
import { call, send, sendWithDigest, soapRequest, textsOf } from './raw-client.ts'
import { createIssuer, install, startCamera, upload } from './test-camera.ts'

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'camera-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('apps, licenses, clock and certificate outlive the process', async () => {
  const { root, issue } = await createIssuer()
  const stateFile = join(await makeFolder(), 'state.json')
  const options = { stateFile, trust: [root], https: true }
  const first = await startCamera({ ...options, clockOffsetMs: 3_600_000 })
  await install(first, {})
  const license = `<AppID>app.one</AppID><License>${await issue()}</License>`
  await call(first, 'ans', `<ans:InstallLicense>${license}</ans:InstallLicense>`)
  await call(first, 'ans', '<ans:Activate><AppID>app.one</AppID></ans:Activate>')
  first.setFault('installNeverFinishes', true)
  await upload(first, { appId: 'unfinished' })
  await first.close()
  const second = await startCamera(options)
  expect(second.apps()).toMatchObject([{ appId: 'app.one', state: 'Active', licenses: [{ licenseId: 'lic-1' }] }])
  expect(second.certificate).toBe(first.certificate)
  expect(second.now().getTime() - Date.now()).toBeGreaterThan(3_500_000)
})

test('a state file of another camera, or of something else, is refused', async () => {
  const stateFile = join(await makeFolder(), 'state.json')
  await (await startCamera({ stateFile })).reboot()
  await expect(startCamera({ stateFile, deviceId: 'cam-2' })).rejects.toThrow('state of camera cam-1')
  await writeFile(stateFile, '{"apps":[{}]}')
  await expect(startCamera({ stateFile })).rejects.toThrow('no state file')
})

test('HTTPS answers with a certificate that a client can pin', async () => {
  const camera = await startCamera({ https: true })
  expect(camera.url).toMatch(/^https:/)
  const reply = await send(camera, soapRequest('tds', '<tds:GetCapabilities/>'))
  expect(reply.status).toBe(200)
  expect(reply.body).toContain('<tt:XAddr>https://')
})

test('many cameras live in one process, each with its own identity', async () => {
  const cameras = await Promise.all(Array.from({ length: 50 }, (_, index) => startCamera({ deviceId: `cam-${index}` })))
  const ids = await Promise.all(
    cameras.map(async (camera) => textsOf((await call(camera, 'ans', '<ans:GetDeviceId/>')).content, 'DeviceId')[0]),
  )
  expect(ids).toEqual(cameras.map((camera) => camera.deviceId))
  expect(new Set(cameras.map((camera) => camera.endpointId)).size).toBe(50)
})

const mainFile = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [mainFile, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('the command starts cameras, prints one line each, and ends by SIGTERM', async () => {
  const { root } = await createIssuer()
  const folder = await makeFolder()
  const trust = join(folder, 'jwks.json')
  await writeFile(trust, JSON.stringify({ keys: [root] }))
  const child = start([
    ...['--port', '0', '--device-id', 'cam', '--user', 'admin', '--password', 'secret', '--count', '2'],
    ...['--trust', trust, '--state', join(folder, 'state'), '--model', 'M2', '--license-required', 'none'],
  ])
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) if (lines.push(line) === 2) break
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['cam-1', 'cam-2'])
  const url = lines[1]?.split(' ')[1] ?? ''
  const request = soapRequest('tds', '<tds:GetSystemDateAndTime/>')
  expect((await fetch(url, { method: 'POST', headers: request.headers, body: request.body })).status).toBe(200)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(await readFile(join(folder, 'state-2'), 'utf8')).toContain('"cam-2"')
})

test.each([
  [['--port', 'x'], '--port'],
  [['--port', '0'], '--device-id'],
  [['--port', '0', '--device-id', 'a', '--user', 'u', '--password', 'p', '--trust', mainFile], 'JSON'],
])('the command refuses %s', async (args, word) => {
  const child = start(args)
  let talk = ''
  child.stderr.on('data', (chunk) => {
    talk += chunk
  })
  const [code] = await once(child, 'close')
  expect(code).toBe(1)
  expect(talk).toContain(word)
})

const discovery = 'http://schemas.xmlsoap.org/ws/2005/04/discovery'
const probe = (children: string, operation = 'Probe', id = crypto.randomUUID()) =>
  `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">
   <e:Header><a:MessageID>${id}</a:MessageID></e:Header>
   <e:Body><${operation} xmlns="${discovery}" xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">${children}</${operation}></e:Body></e:Envelope>`

/** Asks by unicast on loopback and gives what came until a second Probe, sent after it, was answered. */
async function ask(cameras: readonly SimulatedCamera[], questions: readonly string[]): Promise<string[]> {
  const responder = await startDiscovery({
    cameras,
    port: 0,
    interfaceAddress: '127.0.0.1',
    maxDelayMs: 0,
    random: () => 0,
  })
  const socket = createSocket('udp4')
  onTestFinished(async () => {
    socket.close()
    await responder.close()
  })
  const answers: string[] = []
  socket.on('message', (bytes) => answers.push(bytes.toString()))
  const end = crypto.randomUUID()
  for (const question of [...questions, probe('', 'Probe', end)]) {
    socket.send(question, responder.port, '127.0.0.1')
  }
  // Each answer is sent twice, so the last one has come when all cameras have answered the last question twice.
  await expect.poll(() => answers.filter((one) => one.includes(end)).length, { timeout: 5000 }).toBe(cameras.length * 2)
  return answers.filter((one) => !one.includes(end))
}

test('a Probe is answered by every camera, with address, types, scopes and endpoint', async () => {
  const cameras = [await startCamera(), await startCamera({ deviceId: 'cam-2' })]
  const id = 'urn:uuid:11111111-2222-4333-8444-555555555555'
  const answers = await ask(cameras, [probe('<Types>dn:NetworkVideoTransmitter</Types>', 'Probe', id)])
  const roots = answers.map((answer) => readXml(answer))
  const addresses = new Set(roots.flatMap((root) => textsOf(root, 'XAddrs')))
  expect(addresses).toEqual(new Set(cameras.map((camera) => camera.url)))
  const [root] = roots
  if (root === undefined) throw new Error('There was no answer.')
  expect(textsOf(root, 'RelatesTo')).toEqual([id])
  expect(textsOf(root, 'Types')).toEqual(['dn:NetworkVideoTransmitter tds:Device'])
  expect(textsOf(root, 'Scopes')[0]?.split(' ')).toContain('onvif://www.onvif.org/hardware/SIM-1')
  const endpoints = new Set(roots.flatMap((one) => textsOf(one, 'Address')))
  expect(endpoints).toEqual(new Set(cameras.map((camera) => `urn:uuid:${camera.endpointId}`)))
})

test.each([
  ['a type it is not', '<Types>tds:Device dn:Printer</Types>', 0],
  ['both of its types', '<Types>tds:Device dn:NetworkVideoTransmitter</Types>', 2],
  ['a scope of its own', '<Scopes>ONVIF://www.onvif.org/hardware/SIM-1</Scopes>', 2],
  ['a category of scopes', `<Scopes MatchBy="${discovery}/rfc3986">onvif://www.onvif.org/hardware</Scopes>`, 2],
  ['the beginning of a segment', '<Scopes>onvif://www.onvif.org/hardware/SIM</Scopes>', 0],
  ['a scope by an unknown rule', '<Scopes MatchBy="urn:x">onvif://www.onvif.org/hardware/SIM-1</Scopes>', 0],
])('a Probe for %s', async (_what, children, count) => {
  expect(await ask([await startCamera()], [probe(children)])).toHaveLength(count)
})

test('Resolve finds one camera; repeated questions are answered once, and nonsense not at all', async () => {
  const cameras = [await startCamera(), await startCamera({ deviceId: 'cam-2' })]
  const endpoint = `<a:EndpointReference><a:Address>urn:uuid:${cameras[1]?.endpointId}</a:Address></a:EndpointReference>`
  const resolve = probe(endpoint, 'Resolve')
  const answers = await ask(cameras, [resolve, resolve, 'nonsense', '<a/>'])
  expect(answers).toHaveLength(2)
  expect(answers[0]).toContain('ResolveMatch>')
  expect(answers[0]).toContain(cameras[1]?.url)
})

test('changed credentials outlive the process, until a factory reset', async () => {
  const stateFile = join(await makeFolder(), 'state.json')
  const first = await startCamera({ stateFile })
  const changed = { user: 'root', password: 'new' }
  first.setCredentials(changed)
  await first.close()
  const second = await startCamera({ stateFile })
  const ask = soapRequest('tds', '<tds:GetDeviceInformation/>')
  expect((await sendWithDigest(second, ask)).status).toBe(401)
  expect((await sendWithDigest(second, ask, { login: changed })).status).toBe(200)
  await second.factoryReset()
  expect((await sendWithDigest(second, ask)).status).toBe(200)
  await second.close()
  expect((await sendWithDigest(await startCamera({ stateFile }), ask)).status).toBe(200)
})
