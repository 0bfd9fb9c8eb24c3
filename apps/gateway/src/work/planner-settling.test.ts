import type { InstalledApp } from '@ocelli/driver'
import { describe, expect, test } from 'vitest'
import {
  appId,
  begun,
  camera,
  error,
  fresh,
  installed4,
  onDisk,
  outcome,
  type Rows,
  updateFrom,
  v41,
  wish,
} from '../../test/work/plan-case.ts'
import { type AppMemory, emptyMemory, newAttempt, openAttempt } from './attempt.ts'
import { type PlanInput, plan } from './planner.ts'

const tables: Record<string, Rows> = {
  'start and stop': [
    ['starts', { wish: { running: 'RUNNING' }, seen: camera('4.0.0'), memory: installed4 }, 'start'],
    [
      'is already so',
      { wish: { running: 'RUNNING' }, seen: camera('4.0.0', 'RUNNING'), memory: installed4 },
      'CONVERGED',
    ],
    [
      'tries a third time',
      {
        wish: { running: 'RUNNING' },
        seen: camera('4.0.0'),
        memory: { ...installed4, ...begun({ began: fresh, done: { START: 2 } }) },
      },
      'start',
    ],
    [
      'fails after three starts that fell back',
      {
        wish: { running: 'RUNNING' },
        seen: camera('4.0.0'),
        memory: { ...installed4, ...begun({ began: fresh, done: { START: 3 } }) },
      },
      'FAILED app-fell-back',
    ],
    [
      'fails after three stops without effect',
      {
        wish: { running: 'NOT_RUNNING' },
        seen: camera('4.0.0', 'RUNNING'),
        memory: { ...installed4, ...begun({ began: fresh, done: { STOP: 3 } }) },
      },
      'FAILED app-runs-on',
    ],
    [
      'asks a camera that does not tell its running state',
      { wish: { running: 'RUNNING' }, seen: camera('4.0.0', 'UNKNOWN'), memory: installed4 },
      'start',
    ],
    [
      'and believes it after that',
      {
        wish: { running: 'RUNNING' },
        seen: camera('4.0.0', 'UNKNOWN'),
        memory: { ...installed4, ...begun({ began: fresh, done: { START: 1 } }) },
      },
      'CONVERGED',
    ],
  ],
  removal: [
    ['uninstalls a running app', { wish: { presence: 'ABSENT' }, seen: camera('4.0.0', 'RUNNING') }, 'uninstall'],
    ['is converged when the camera lists it no more', { wish: { presence: 'ABSENT' } }, 'CONVERGED'],
    [
      'waits for a removal under way',
      { wish: { presence: 'ABSENT' }, seen: camera('4', 'UNINSTALLING') },
      'await UNINSTALL',
    ],
    [
      'waits for no camera that begins to remove again and again',
      {
        wish: { presence: 'ABSENT' },
        seen: camera('4', 'UNINSTALLING'),
        memory: begun({ began: fresh, done: { UNINSTALL: 10 } }),
      },
      'FAILED app-unsettled',
    ],
    [
      'waits for no camera that begins to install again and again',
      { seen: camera('4', 'INSTALLING'), memory: begun({ began: fresh, done: { INSTALL: 10 } }) },
      'FAILED app-unsettled',
    ],
    [
      'fails when the app comes back three times',
      { wish: { presence: 'ABSENT' }, seen: camera('4'), memory: begun({ began: fresh, done: { UNINSTALL: 3 } }) },
      'FAILED app-came-back',
    ],
  ],
  'settled revisions': [
    ['does nothing that the platform calls settled', { wish: { settled: true } }, 'settled'],
    [
      'stops working on what the platform has given up meanwhile',
      { wish: { settled: true }, memory: begun({ began: fresh, step: 'UPLOAD' }), input: onDisk },
      'settled',
    ],
    [
      'does nothing for a revision that failed here',
      { memory: begun({ outcome: { phase: 'FAILED', error: null } }) },
      'settled',
    ],
    [
      'does nothing for a drifted revision',
      { seen: camera('1.0'), memory: begun({ outcome: { phase: 'CONVERGED', error: null } }) },
      'settled',
    ],
    ['does nothing for a lower revision', { wish: { revision: 6 }, memory: begun({}) }, 'settled'],
    [
      'begins anew for a greater revision',
      { wish: { revision: 8 }, memory: begun({ outcome: { phase: 'FAILED', error: null } }) },
      'download',
    ],
  ],
  'a final error': [
    [
      'settles when nothing was there before',
      {
        memory: begun({
          began: fresh,
          step: 'UPLOAD',
          error: error({ category: 'refused-by-device', code: 'package-refused' }),
        }),
      },
      'FAILED package-refused',
    ],
    [
      'is forgotten when the timed-out upload worked after all',
      { seen: camera('4.0.0'), memory: begun({ began: fresh, step: 'UPLOAD', error: error({}) }) },
      'license',
    ],
    [
      'waits once more when the camera is still installing after a timed-out upload',
      { seen: camera('4.0.0', 'INSTALLING'), memory: begun({ began: fresh, step: 'UPLOAD', error: error({}) }) },
      'await INSTALL',
    ],
    [
      'settles when the camera went on installing for too long',
      { seen: camera('4.0.0', 'INSTALLING'), memory: begun({ began: fresh, step: 'INSTALL', error: error({}) }) },
      'FAILED step-timeout',
    ],
    [
      'does not fetch the package again after a timed-out upload',
      { memory: begun({ began: fresh, step: 'UPLOAD', error: error({}) }) },
      'FAILED step-timeout',
    ],
    [
      'does not upload again when what the camera was installing has vanished',
      { memory: begun({ began: fresh, step: 'INSTALL', error: error({}) }), input: onDisk },
      'FAILED step-timeout',
    ],
    [
      'does not upload again after a timed-out upload',
      { memory: begun({ began: fresh, step: 'UPLOAD', error: error({}) }), input: onDisk },
      'FAILED step-timeout',
    ],
    [
      'first starts again what ran before a failed update',
      {
        wish: { package: v41 },
        seen: camera('4.0.0'),
        memory: {
          ...installed4,
          ...begun({
            began: updateFrom('RUNNING'),
            step: 'UPLOAD',
            error: error({ category: 'refused-by-device', code: 'package-refused' }),
          }),
        },
      },
      'start',
    ],
    [
      'settles once that was tried',
      {
        wish: { package: v41 },
        seen: camera('4.0.0'),
        memory: {
          ...installed4,
          ...begun({
            began: updateFrom('RUNNING'),
            step: 'START',
            error: error({ category: 'refused-by-device', code: 'package-refused' }),
          }),
        },
      },
      'FAILED package-refused',
    ],
  ],
}

for (const [name, rows] of Object.entries(tables)) {
  describe(name, () => {
    test.each(rows)('%s', (_sentence, given, expected) => {
      expect(outcome(given)).toBe(expected)
    })
  })
}

describe('the next step of a device', () => {
  const other = 'com.example.other'
  const foreign: InstalledApp = { ...camera('1.0', 'RUNNING'), appId: 'com.vendor.foreign' }

  function planBoth(changes: Partial<PlanInput> = {}, memory: Record<string, Partial<AppMemory>> = {}) {
    const desired = [wish({ revision: 9 }), wish({ appId: other, revision: 8 })]
    const opened = desired.map((entry): [string, AppMemory] => [
      entry.appId,
      openAttempt({ ...emptyMemory, ...memory[entry.appId] }, entry),
    ])
    const none = {
      packagesOnDisk: new Set<string>(),
      backingOff: new Set<string>(),
      downgrade: 'NONE' as const,
      canTakeLicense: false,
    }
    return plan({ desired, observed: [foreign], memory: new Map(opened), ...none, ...changes })
  }

  test('serves the oldest wish first', () => {
    expect(planBoth().next?.appId).toBe(other)
  })

  test('goes on with begun work before an older wish', () => {
    const attempt = { ...newAttempt(9), step: 'DOWNLOAD' as const }
    expect(planBoth({}, { [appId]: { attempt } }).next?.appId).toBe(appId)
  })

  test('passes over an app whose next try is not due', () => {
    expect(planBoth({ backingOff: new Set([other]) }).next?.appId).toBe(appId)
    expect(planBoth({ backingOff: new Set([other, appId]) }).next).toBeNull()
  })

  test('never names an app that is not in the desired state', () => {
    const result = planBoth()
    expect(result.apps.map((app) => app.appId)).toEqual([appId, other])
    expect(plan({ ...emptyInput(), observed: [foreign] })).toEqual({ apps: [], next: null })
  })

  function emptyInput(): PlanInput {
    const none = {
      packagesOnDisk: new Set<string>(),
      backingOff: new Set<string>(),
      downgrade: 'NONE' as const,
      canTakeLicense: false,
    }
    return { desired: [], observed: [], memory: new Map(), ...none }
  }
})
