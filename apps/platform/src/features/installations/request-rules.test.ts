import type { AppDowngrade } from '@ocelli/contract'
import { describe, expect, it } from 'vitest'
import { type Decision, decide, type Wish } from './request-rules.ts'
import { emptyInstallation, type InstallationRow, type Situation } from './situation.ts'

const older = { packageId: 'package-1', versionCode: 1, version: '1', asksForVendorKey: false }
const newer = { packageId: 'package-2', versionCode: 2, version: '2', asksForVendorKey: false }
const full = { licenseId: 'license-1', licenseType: 'FULL', state: 'VALID', issuer: 'PLATFORM' } as const
const install: Wish = { kind: 'install', licenseType: 'FULL', target: newer, start: false, allowDowngrade: false }
const update: Wish = { kind: 'update', target: newer, allowDowngrade: false }
const uninstall: Wish = { kind: 'uninstall' }
const run: Wish = { kind: 'run', running: 'RUNNING' }
const stop: Wish = { kind: 'run', running: 'NOT_RUNNING' }

const wished: Partial<InstallationRow> = {
  presence: 'PRESENT',
  packageId: newer.packageId,
  managed: true,
  licenseId: full.licenseId,
}
const onCamera: Partial<InstallationRow> = {
  present: true,
  installedVersion: '2',
  installedVersionCode: 2,
  runningState: 'NOT_RUNNING',
}
const installed: Partial<InstallationRow> = { ...wished, ...onCamera, installationState: 'INSTALLED' }
const outdated: Partial<InstallationRow> = {
  ...installed,
  packageId: older.packageId,
  installedVersion: '1',
  installedVersionCode: 1,
}
const pending: Partial<InstallationRow> = {
  ...wished,
  installationState: 'PENDING',
  settled: false,
  requestedAt: '2026-01-01T00:00:01Z',
}
const failed: Partial<InstallationRow> = { presence: 'ABSENT', managed: true, installationState: 'INSTALLATION_FAILED' }

function situation(
  row: Partial<InstallationRow>,
  more: { held?: Situation['held']; sentAt?: string | null; way?: AppDowngrade } = {},
): Situation {
  return {
    device: {
      ...{
        state: 'CLAIMED',
        connectivity: 'ONLINE',
        connectivityReason: null,
        revision: 1,
        sentAt: more.sentAt ?? null,
      },
      ...{ appFormats: ['apk'], architecture: null, platformLevel: null, projectIds: [] },
      ...{ firmwareVersion: null, unsignedApps: null, appDowngrade: more.way ?? null },
    } as Situation['device'],
    appVisible: true,
    installation: { ...emptyInstallation, ...row },
    targetVersionCode: row.packageId === older.packageId ? 1 : 2,
    held: more.held ?? (row.licenseId ? [full] : []),
    trialUsed: false,
    asksForVendorKey: false,
  }
}

function outcome(wish: Wish, row: Situation): string {
  let decision: Decision
  try {
    decision = decide(wish, row)
  } catch (error) {
    return `refused: ${(error as { code: string }).code}`
  }
  if (decision.kind !== 'change') return decision.kind === 'cancel' ? 'cancelled' : `unchanged ${decision.status}`
  return `${decision.set.presence} ${decision.set.installationState} ${decision.license.kind}`
}

const during = (state: InstallationRow['installationState'], row: Partial<InstallationRow> = pending) => ({
  ...row,
  installationState: state,
  settled: false,
})

// rules.md section 1, row by row: what is, what is asked, what becomes of it
const table: [string, Partial<InstallationRow>, Wish, string][] = [
  ['nothing installed', {}, install, 'PRESENT PENDING reserve'],
  ['nothing installed', {}, uninstall, 'unchanged 200'],
  ['nothing installed', {}, update, 'refused: app-not-installed'],
  ['nothing installed', {}, run, 'refused: app-not-installed'],
  ['first install failed', failed, install, 'PRESENT PENDING reserve'],
  ['pending', pending, install, 'unchanged 202'],
  ['pending, not sent', pending, uninstall, 'cancelled'],
  ['downloading', during('DOWNLOADING'), uninstall, 'ABSENT UNINSTALLING keep'],
  ['installing', during('INSTALLING'), uninstall, 'ABSENT UNINSTALLING keep'],
  ['installing', during('INSTALLING'), run, 'PRESENT INSTALLING keep'],
  ['installing', during('INSTALLING'), { ...install, target: older }, 'PRESENT PENDING use'],
  ['updating', during('UPDATING', installed), uninstall, 'ABSENT UNINSTALLING keep'],
  [
    'uninstalling',
    { ...installed, presence: 'ABSENT', installationState: 'UNINSTALLING', settled: false },
    install,
    'PRESENT PENDING use',
  ],
  [
    'uninstalling',
    { ...installed, presence: 'ABSENT', installationState: 'UNINSTALLING', settled: false },
    uninstall,
    'unchanged 202',
  ],
  ['installed', installed, install, 'unchanged 200'],
  ['installed', installed, { ...install, start: true }, 'PRESENT INSTALLED use'],
  ['installed', installed, { ...install, target: older }, 'refused: downgrade'],
  ['installed', installed, update, 'unchanged 200'],
  ['installed', installed, uninstall, 'ABSENT UNINSTALLING keep'],
  ['installed', installed, run, 'PRESENT INSTALLED keep'],
  ['installed and stopped', installed, stop, 'unchanged 200'],
  ['installed, being started', { ...installed, desiredRunningState: 'RUNNING', settled: false }, run, 'unchanged 202'],
  ['license given back', { ...installed, licenseId: null }, run, 'refused: license-expired'],
  [
    'license given back',
    { ...installed, licenseId: null, runningState: 'RUNNING', desiredRunningState: 'RUNNING' },
    stop,
    'PRESENT INSTALLED keep',
  ],
  ['license given back', { ...installed, licenseId: null }, { ...install, start: true }, 'PRESENT INSTALLED reserve'],
  ['outdated', outdated, { ...install, target: null }, 'unchanged 200'],
  ['outdated', outdated, install, 'PRESENT UPDATING use'],
  ['outdated', outdated, update, 'PRESENT UPDATING keep'],
  ['update failed', { ...outdated, installationState: 'UPDATE_FAILED' }, update, 'PRESENT UPDATING keep'],
  ['uninstall failed', { ...installed, installationState: 'UNINSTALL_FAILED' }, uninstall, 'ABSENT UNINSTALLING keep'],
  ['removed by somebody', { ...wished, drift: 'REMOVED' }, install, 'PRESENT PENDING use'],
  [
    'updated, and not started',
    { ...installed, installationState: 'UPDATE_FAILED', desiredRunningState: 'RUNNING' },
    update,
    'PRESENT UPDATING keep',
  ],
  ['removed by somebody', { ...wished, drift: 'REMOVED' }, update, 'PRESENT PENDING keep'],
  ['removed by somebody', { ...wished, drift: 'REMOVED' }, uninstall, 'ABSENT UNINSTALLING keep'],
  [
    'stopped by somebody',
    { ...installed, desiredRunningState: 'RUNNING', drift: 'STOPPED' },
    run,
    'PRESENT INSTALLED keep',
  ],
  ['put there by a technician', { ...onCamera, installationState: 'INSTALLED' }, install, 'PRESENT INSTALLED reserve'],
  ['put there by a technician', { ...onCamera, installationState: 'INSTALLED' }, uninstall, 'refused: state-conflict'],
  ['put there by a technician', { ...onCamera, installationState: 'INSTALLED' }, run, 'refused: app-not-installed'],
]

describe('a request on an installation', () => {
  it.each(table)('%s: %o asked %o becomes %s', (_name, row, wish, wanted) => {
    expect(outcome(wish, situation(row))).toBe(wanted)
  })

  it('cannot take back at once what the gateway may have', () => {
    expect(outcome(uninstall, situation(pending, { sentAt: '2026-01-01T00:00:02Z' }))).toBe('ABSENT UNINSTALLING keep')
  })
})

describe('a lower version', () => {
  const back: Wish = { ...install, target: older, allowDowngrade: true }
  it.each<[AppDowngrade, Wish, string]>([
    ['REINSTALL', { ...install, target: older }, 'refused: downgrade'],
    ['IN_PLACE', { ...install, target: older }, 'refused: downgrade'],
    ['NONE', back, 'refused: downgrade'],
    ['REINSTALL', back, 'PRESENT UPDATING use'],
    ['IN_PLACE', back, 'PRESENT UPDATING use'],
    ['REINSTALL', { kind: 'update', target: older, allowDowngrade: true }, 'PRESENT UPDATING keep'],
    ['NONE', { kind: 'update', target: older, allowDowngrade: true }, 'refused: downgrade'],
  ])('of a driver that goes back %s, asked %o: %s', (way, wish, wanted) => {
    expect(outcome(wish, situation(installed, { way }))).toBe(wanted)
  })

  it('is allowed for that wish alone, and for a start or stop that comes while it is on its way', () => {
    const goingBack = { ...during('UPDATING', installed), packageId: older.packageId, allowDowngrade: true }
    expect(decide(back, situation(installed, { way: 'REINSTALL' }))).toMatchObject({ set: { allowDowngrade: true } })
    expect(decide(run, situation(goingBack))).toMatchObject({ set: { allowDowngrade: true } })
    expect(decide(uninstall, situation(goingBack))).toMatchObject({ set: { allowDowngrade: false } })
    expect(decide(update, situation(outdated))).toMatchObject({ set: { allowDowngrade: false } })
  })

  it('is tried again as an update where the app was removed for it', () => {
    const gone = { ...wished, drift: 'REMOVED', installationState: 'UPDATE_FAILED' } as const
    const toOlder: Wish = { kind: 'update', target: older, allowDowngrade: true }
    expect(outcome(toOlder, situation(gone))).toBe('PRESENT UPDATING keep')
  })

  it('is what a rollback asks for, and a device that has it is done', () => {
    const toOlder: Wish = { kind: 'update', target: older, allowDowngrade: true }
    expect(outcome(toOlder, situation(outdated))).toBe('unchanged 200')
    expect(outcome(toOlder, situation({ ...outdated, settled: false }))).toBe('unchanged 202')
  })
})

describe('the license of an install', () => {
  const trial = { licenseId: 'license-2', licenseType: 'TRIAL', state: 'VALID', issuer: 'PLATFORM' } as const
  it('uses a held license as good as the one asked for before it takes a unit', () => {
    expect(outcome({ ...install, licenseType: 'TRIAL' }, situation({}, { held: [full] }))).toBe('PRESENT PENDING use')
    expect(outcome({ ...install, licenseType: 'SUBSCRIPTION' }, situation({}, { held: [full, trial] }))).toBe(
      'PRESENT PENDING use',
    )
  })
  it('is the key of the vendor, whatever its type, where cameras ask for that, and never a unit', () => {
    const key = { licenseId: 'license-3', licenseType: 'SUBSCRIPTION', state: 'VALID', issuer: 'VENDOR' } as const
    const asking: Wish = { ...install, target: { ...newer, asksForVendorKey: true } }
    expect(decide(asking, situation({}, { held: [full, key] }))).toMatchObject({ license: { licenseId: 'license-3' } })
    expect(outcome(asking, situation({}, { held: [] }))).toBe('refused: vendor-license-missing')
    expect(outcome(asking, situation({}, { held: [full] }))).toBe('refused: vendor-license-missing')
  })
  it('is judged by the version that is asked for, and by the one that is wished for where none is', () => {
    const key = { licenseId: 'license-3', licenseType: 'FULL', state: 'VALID', issuer: 'VENDOR' } as const
    const wishedAsks = { ...situation(installed, { held: [full, key] }), asksForVendorKey: true }
    expect(decide(install, wishedAsks)).toMatchObject({ kind: 'unchanged' })
    expect(decide({ ...install, target: null }, wishedAsks)).toMatchObject({ license: { licenseId: 'license-3' } })
  })
  it('is never the key of the vendor where cameras do not ask for it', () => {
    const key = { licenseId: 'license-3', licenseType: 'FULL', state: 'VALID', issuer: 'VENDOR' } as const
    expect(outcome(install, situation({}, { held: [key] }))).toBe('PRESENT PENDING reserve')
  })
  it('changes its kind with an update, and never takes a unit for that', () => {
    const key = { licenseId: 'license-3', licenseType: 'FULL', state: 'VALID', issuer: 'VENDOR' } as const
    const toKey: Wish = { kind: 'update', target: { ...newer, asksForVendorKey: true }, allowDowngrade: false }
    expect(decide(toKey, situation(outdated, { held: [full, key] }))).toMatchObject({
      license: { licenseId: 'license-3' },
    })
    expect(outcome(toKey, situation(outdated, { held: [full] }))).toBe('refused: vendor-license-missing')
    const onKey = (held: Situation['held']) => ({ ...situation(outdated, { held }), asksForVendorKey: true })
    expect(decide(update, onKey([key, full]))).toMatchObject({ license: { kind: 'use', licenseId: 'license-1' } })
    expect(outcome(update, onKey([key]))).toBe('refused: state-conflict')
    expect(outcome(toKey, onKey([key]))).toBe('PRESENT UPDATING keep')
  })
  it('takes a unit over a lesser license, and a trial only once', () => {
    expect(outcome(install, situation(installed, { held: [trial] }))).toBe('PRESENT INSTALLED reserve')
    const used = { ...situation({}), trialUsed: true }
    expect(outcome({ ...install, licenseType: 'TRIAL' }, used)).toBe('refused: trial-used')
  })
})
