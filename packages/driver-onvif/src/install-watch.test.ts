import type { LocalPackage } from '@ocelli/driver'
import type { AppInfo, AppStateEvent } from '@ocelli/onvif'
import { describe, expect, test } from 'vitest'
import { type InstallOutcome, watchInstall } from './install-watch.ts'

const appId = 'com.example.counter'
const localPackage: LocalPackage = { path: '/p.apk', size: 1, format: 'apk', appId, version: '2.0', versionCode: 2 }

const info = (change: Partial<AppInfo> = {}): AppInfo => ({
  ...{ appId, name: 'Counter', version: '1.0', licenses: [], privileges: [], installationDate: null },
  ...{ lastUpdate: new Date(1_000), state: 'Inactive', status: '', isAutostarted: false },
  ...{ website: null, openSource: null, configuration: null, interfaceDescriptions: [] },
  ...change,
})

const event = (change: Partial<AppStateEvent> = {}): AppStateEvent => ({
  ...{ appId, state: 'Installing', status: '', operation: 'Changed' },
  ...change,
})

type Seen = { saw: AppInfo | null } | { heard: AppStateEvent } | 'away'

/** The outcome of the last of these, in a word. */
function judge(before: AppInfo | null, story: Seen[]): string {
  const watch = watchInstall(localPackage, before)
  let outcome: InstallOutcome = { kind: 'pending' }
  for (const each of story) {
    if (each === 'away') watch.wasAway()
    else outcome = 'saw' in each ? watch.saw(each.saw) : watch.heard(each.heard)
  }
  return outcome.kind === 'failed' ? `${outcome.error.code}: ${outcome.error.deviceCode}` : outcome.kind
}

const installing = { saw: info({ state: 'Installing' }) }

describe('a first installation', () => {
  test.for<[name: string, story: Seen[], expected: string]>([
    ['is pending while nothing is listed', [{ saw: null }], 'pending'],
    ['is pending while the camera works', [installing], 'pending'],
    ['is done when the version is listed', [{ saw: info({ version: '2.0' }) }], 'installed'],
    ['is done when the camera has its own word for the version', [{ saw: info({ version: '2.0 (2)' }) }], 'installed'],
    ['is done when the app is started at once', [{ saw: info({ version: '2.0', state: 'Active' }) }], 'installed'],
    [
      'has failed when an event says so',
      [{ heard: event({ state: 'InstallationFailed', status: 'x' }) }],
      'install-failed: x',
    ],
    [
      'has failed when the package had no readable id',
      [{ heard: event({ appId: '', state: 'InstallationFailed', status: 'x' }) }],
      'install-failed: x',
    ],
    [
      'is pending when another app has failed',
      [{ heard: event({ appId: 'other', state: 'InstallationFailed' }) }],
      'pending',
    ],
    [
      'is pending when a failure is older than the subscription',
      [{ heard: event({ state: 'InstallationFailed', operation: 'Initialized' }) }],
      'pending',
    ],
    ['has failed when the app vanishes', [installing, { saw: null }], 'install-failed: null'],
    [
      'has failed when it vanishes after a new property told of it',
      [{ heard: event({ operation: 'Initialized' }) }, { saw: null }],
      'install-failed: null',
    ],
    [
      'has failed when the camera lists the failure',
      [{ saw: info({ state: 'InstallationFailed', status: 'x' }) }],
      'install-failed: x',
    ],
    ['is worth a retry when a restart lost it', [installing, 'away', { saw: null }], 'unreachable: null'],
    ['is done when a restart did not matter', [installing, 'away', { saw: info({ version: '2.0' }) }], 'installed'],
  ])('%s', ([, story, expected]) => {
    expect(judge(null, story)).toBe(expected)
  })
})

describe('an update', () => {
  const old = { saw: info() }
  test.for<[name: string, story: Seen[], expected: string]>([
    ['is pending while the old version is listed', [old], 'pending'],
    ['is done when the version is listed', [{ saw: info({ version: '2.0' }) }], 'installed'],
    ['is done when only LastUpdate has changed', [{ saw: info({ lastUpdate: new Date(2_000) }) }], 'installed'],
    ['is pending when the camera stops telling LastUpdate', [{ saw: info({ lastUpdate: null }) }], 'pending'],
    ['has failed when the old version is back', [installing, { saw: info({ status: 'x' }) }], 'install-failed: x'],
    ['is worth a retry when the old version is back after a restart', [installing, 'away', old], 'unreachable: null'],
    ['has failed when the app is gone', [{ saw: null }], 'install-failed: null'],
    [
      'is pending when the old state was Installing at the beginning',
      [{ heard: event({ operation: 'Initialized' }) }, old],
      'pending',
    ],
  ])('%s', ([, story, expected]) => {
    expect(judge(info(), story)).toBe(expected)
  })

  test('of the same version over itself is done when it has begun and ended', () => {
    const same = info({ version: '2.0' })
    expect(judge(same, [{ saw: same }])).toBe('pending')
    expect(judge(same, [{ heard: event() }, { saw: same }])).toBe('installed')
  })
})
