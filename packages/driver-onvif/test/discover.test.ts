import { type DiscoverOptions, discoverCameras, type Finding } from '@ocelli/driver'
import { expect, onTestFinished, test } from 'vitest'
import { createOnvifDriver } from '../src/index.ts'
import { quickDriver, startSimulatedCamera, targetOf } from './simulated-harness.ts'

const { signal } = new AbortController()

async function start(...args: Parameters<typeof startSimulatedCamera>) {
  const camera = await startSimulatedCamera(...args)
  onTestFinished(() => camera.close())
  return camera
}

async function discover(options: Partial<DiscoverOptions>): Promise<Finding[]> {
  const { findings, failures } = await discoverCameras([createOnvifDriver()], {
    ...{ signal, multicast: false, ranges: [] },
    ...options,
  })
  expect(failures).toEqual([])
  return findings
}

test('cameras at given addresses are found without a login', async () => {
  const one = await start({ deviceId: 'camera-1', clockOffsetMs: -600_000 })
  const two = await start({ deviceId: 'camera-2', https: true })
  const progress: number[] = []
  const findings = await discover({
    ranges: [`127.0.0.1:${one.port}`, `https://127.0.0.1:${two.port}`, '127.0.0.1:9'],
    onProgress: ({ asked, total }) => progress.push(asked / total),
  })
  expect(findings.map(({ addresses }) => addresses).sort()).toEqual([
    [`http://127.0.0.1:${one.port}`],
    [`https://127.0.0.1:${two.port}`],
  ])
  expect(findings.find(({ addresses }) => addresses[0]?.startsWith('http:'))).toMatchObject({
    endpointReference: `urn:uuid:${one.endpointId}`,
    deviceId: null,
    runsApps: true,
    needsFirstPassword: false,
    drivers: ['onvif'],
    foundBy: ['address'],
  })
  expect(
    Math.abs((findings.find(({ addresses }) => addresses[0]?.startsWith('http:'))?.clockOffsetMs ?? 0) + 600_000),
  ).toBeLessThan(2_000)
  expect(progress.at(-1)).toBe(1)
  expect([one.refusedLogins, one.writes, two.refusedLogins, two.writes]).toEqual([0, 0, 0, 0])
})

test('a camera named twice is found once', async () => {
  const camera = await start()
  const findings = await discover({
    ranges: [`127.0.0.1:${camera.port}`, `http://127.0.0.1:${camera.port}`, `localhost:${camera.port}`],
  })
  expect(findings).toHaveLength(1)
})

test('a range that is none is refused before anything is asked', async () => {
  await expect(discover({ ranges: ['192.0.2.0/40'] })).rejects.toThrow(RangeError)
  await expect(discover({ ranges: ['10.0.0.0/8'] })).rejects.toThrow(/65536/)
})

test('the clock of a camera is set to ours', async () => {
  const camera = await start({ clockOffsetMs: 86_400_000 })
  const driver = quickDriver.open(targetOf(camera))
  const { beforeMs, afterMs } = (await driver.setClock?.({ signal })) ?? { beforeMs: null, afterMs: null }
  expect(Math.abs((beforeMs ?? 0) - 86_400_000)).toBeLessThan(2_000)
  expect(Math.abs(afterMs ?? Number.NaN)).toBeLessThan(2_500)
  await driver.close()
})
