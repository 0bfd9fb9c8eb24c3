import { expect, test } from 'vitest'
import { compareVersions } from './compare-versions.ts'

test.each([
  ['1.0.1', '1.0.0', 'newer'],
  ['1.10.0', '1.9.9', 'newer'],
  ['2', '1.9', 'newer'],
  ['1.0', '1.0.0', 'same'],
  ['01.2', '1.2', 'same'],
  ['4.5-3', '4.5-2', 'newer'],
  ['4.5.3', '4.5-9', 'older'],
  ['4.5-2', '4.5.2', 'same'],
  ['1.0.0', '1.0.0-rc.1', 'newer'],
  ['1.0.0-rc.10', '1.0.0-rc.9', 'newer'],
  ['1.0.0-rc.1', '1.0.0-beta.9', 'newer'],
  ['1.0.0-rc', '1.0.0-1', 'newer'],
  ['1.0.0-rc.1', '1.0.0-rc', 'newer'],
  ['1.0.0-rc.1', '1.0.0', 'older'],
  ['1.0.0+7', '1.0.0+8', 'same'],
  ['20261123.1', '20261122.9', 'newer'],
  ['99999999999999999999.1', '99999999999999999998.1', 'newer'],
  ['r12', 'r11', 'unlike'],
  ['r12', 'r12', 'same'],
  ['r12', '1.0', 'unlike'],
] as const)('%s against %s is %s', (one, other, order) => {
  expect(compareVersions(one, other)).toBe(order)
  const turned = { newer: 'older', older: 'newer', same: 'same', unlike: 'unlike' } as const
  expect(compareVersions(other, one)).toBe(turned[order])
})
