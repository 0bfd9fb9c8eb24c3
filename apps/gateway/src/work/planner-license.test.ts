import { expect, test } from 'vitest'
import {
  begun,
  camera,
  fresh,
  installed4,
  newLicense,
  oldLicense,
  outcome,
  type Rows,
} from '../../test/work/plan-case.ts'
import type { AppMemory, PlacedLicense } from './attempt.ts'

const placed = (changes: Partial<PlacedLicense>): Partial<AppMemory> => ({
  ...installed4,
  license: { licenseId: newLicense.licenseId, wasListed: false, checkedBy: 'APP', placement: null, ...changes },
})

const rows: Rows = [
  [
    'is placed when it changed, without reinstalling',
    {
      seen: camera('4.0.0'),
      memory: { ...installed4, license: { licenseId: oldLicense.licenseId, wasListed: true } },
    },
    'license',
  ],
  [
    'is placed again when it was renewed, without reinstalling',
    {
      wish: { license: { ...newLicense, renewal: 1 } },
      seen: camera('4.0.0', 'RUNNING', ['SUBSCRIPTION']),
      memory: { ...installed4, license: { licenseId: newLicense.licenseId, wasListed: true } },
    },
    'license',
  ],
  [
    'is left alone once the renewed one is placed',
    {
      wish: { license: { ...newLicense, renewal: 1 } },
      seen: camera('4.0.0', 'RUNNING'),
      memory: { ...installed4, license: { licenseId: newLicense.licenseId, wasListed: false, renewal: 1 } },
    },
    'CONVERGED',
  ],
  [
    'is left alone when an older platform says nothing of renewals',
    {
      seen: camera('4.0.0', 'RUNNING'),
      memory: { ...installed4, license: { licenseId: newLicense.licenseId, wasListed: false, renewal: 0 } },
    },
    'CONVERGED',
  ],
  [
    'is taken away when none is wished for any more',
    { wish: { license: null }, seen: camera('4.0.0'), memory: placed({}) },
    'take-license',
  ],
  [
    'is taken away after the app was stopped',
    { wish: { license: null, running: 'NOT_RUNNING' }, seen: camera('4.0.0', 'RUNNING'), memory: placed({}) },
    'stop',
  ],
  [
    'stays with the app when that is removed, so that a removal that fails leaves a licensed app',
    { wish: { presence: 'ABSENT', license: null }, seen: camera('4.0.0'), memory: placed({}) },
    'uninstall',
  ],
  [
    'stays where the protocol cannot take it away',
    { wish: { license: null }, seen: camera('4.0.0'), memory: placed({}), input: { canTakeLicense: false } },
    'CONVERGED',
  ],
  [
    'that nobody looks at was never placed',
    { wish: { license: null }, seen: camera('4.0.0'), memory: placed({ checkedBy: 'NOBODY' }) },
    'CONVERGED',
  ],
  [
    'of which nobody remembers where it lies is left alone',
    { wish: { license: null }, seen: camera('4.0.0'), memory: installed4 },
    'CONVERGED',
  ],
  [
    'of others is never taken away',
    { wish: { license: null }, seen: camera('4.0.0', 'RUNNING', ['FULL']), memory: { ...installed4, license: null } },
    'CONVERGED',
  ],
  [
    'is placed again when a camera that listed it lists none',
    {
      seen: camera('4.0.0'),
      memory: { ...installed4, license: { licenseId: newLicense.licenseId, wasListed: true } },
    },
    'license',
  ],
  [
    'is placed again once only',
    {
      seen: camera('4.0.0'),
      memory: {
        installed: installed4.installed ?? null,
        license: { licenseId: newLicense.licenseId, wasListed: true },
        ...begun({ began: fresh, done: { LICENSE: 1 } }),
      },
    },
    'CONVERGED',
  ],
  [
    'is left alone while the camera lists it',
    {
      seen: camera('4.0.0', 'RUNNING', ['FULL']),
      memory: { ...installed4, license: { licenseId: newLicense.licenseId, wasListed: true } },
    },
    'CONVERGED',
  ],
]

test.each(rows)('a license %s', (_sentence, given, expected) => {
  expect(outcome(given)).toBe(expected)
})
