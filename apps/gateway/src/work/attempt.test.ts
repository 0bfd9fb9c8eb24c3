import { expect, test } from 'vitest'
import { packageOf } from '../../test/work/plan-case.ts'
import { newAttempt, stepBegun, stepDone } from './attempt.ts'

test('the failed tries of one step do not count against the next', () => {
  const failed = { ...newAttempt(1), step: 'UPLOAD' as const, failures: 3 }
  expect(stepBegun(failed, { kind: 'upload', step: 'UPLOAD' }).failures).toBe(3)
  expect(stepBegun(failed, { kind: 'await-camera', step: 'INSTALL' }).failures).toBe(0)
})

test.each([
  ['the app keeps is placed again after an update, as nothing shows whether it is still there', 'APP' as const, false],
  ['the camera keeps is judged by what the camera lists', 'CAMERA' as const, true],
  ['nobody looks at need not be placed again', 'NOBODY' as const, true],
])('a license that %s', (_what, checkedBy, isKept) => {
  const license = { licenseId: 'one', wasListed: false, checkedBy }
  const began = { isPresent: true, isUpdate: true, runningState: 'RUNNING' as const }
  const before = { attempt: { ...newAttempt(1), began }, installed: null, license }
  const upload = { kind: 'upload', step: 'UPLOAD', package: packageOf('2.0.0', 2) } as const
  expect(stepDone(before, upload, {}).license).toEqual(isKept ? license : null)
  const fresh = { ...before, attempt: { ...newAttempt(1), began: { ...began, isPresent: false } } }
  expect(stepDone(fresh, upload, {}).license).toBeNull()
})
