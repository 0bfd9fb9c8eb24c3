import { AppId, type AppReport, type DesiredApp, type DeviceFacts, type Work } from '@ocelli/contract'
import { type InstalledApp, toRunningState } from '@ocelli/driver'
import { Value } from 'typebox/value'
import type { AppMemory } from './attempt.ts'
import { isUnsettled } from './attempt.ts'
import type { StepProgress } from './executor.ts'

const maxApps = 1000

/** A step under way, and how long it may still take. */
export interface RunningStep extends StepProgress {
  secondsLeft: number | null
}

export interface WorkView {
  desired: readonly DesiredApp[]
  memoryOf: (appId: string) => AppMemory
  /** By app id. */
  running: ReadonlyMap<string, RunningStep>
}

/** How far each desired entry is; entries that the platform calls settled and that we never worked on are left out. */
export function workOf(view: WorkView): ({ appId: string } & Work)[] {
  return view.desired.flatMap((entry) => {
    const work = workOfEntry(entry, view)
    return work ? [{ appId: entry.appId, ...work }] : []
  })
}

function workOfEntry(entry: DesiredApp, { memoryOf, running }: WorkView): Work | null {
  const { appId, revision } = entry
  const known = memoryOf(appId)
  const attempt = known.attempt?.revision === revision ? known.attempt : null
  const idle = { revision, step: null, percent: null, stepSecondsLeft: null }
  const { configuration = null } = attempt?.reinstall ?? {}
  if (attempt?.outcome) return { ...idle, ...attempt.outcome, ...(configuration ? { configuration } : {}) }
  if (!isUnsettled(known, entry)) return null
  const step = running.get(appId)
  if (!step || !attempt?.step) return { ...idle, phase: 'WAITING', error: null }
  const { step: name, percent, secondsLeft } = step
  return { revision, phase: 'WORKING', step: name, percent, stepSecondsLeft: secondsLeft, error: attempt.error }
}

/** Every app on the camera and every app with a desired entry, each with its work. */
export function appsOf(observed: readonly InstalledApp[], view: WorkView): AppReport[] {
  const listed = observed.filter(({ appId }) => Value.Check(AppId, appId))
  const work = new Map(workOf(view).map(({ appId, ...rest }) => [appId, rest]))
  const isListed = new Set(listed.map(({ appId }) => appId))
  const missing = view.desired.filter(({ appId }) => !isListed.has(appId))
  return [
    ...missing.map(({ appId }): AppReport => ({ ...absent, appId, work: work.get(appId) ?? null })),
    ...listed.map(
      (app): AppReport => ({
        appId: app.appId,
        name: app.name?.slice(0, 300) ?? null,
        present: true,
        version: versionOf(app, view.memoryOf(app.appId))?.slice(0, 255) ?? null,
        runningState: toRunningState(app.state),
        ...checkedByOf(view.memoryOf(app.appId)),
        work: work.get(app.appId) ?? null,
      }),
    ),
  ].slice(0, maxApps)
}

/** A camera may write a version in words of its own (`1.4-3` for 1.4.3): what we put there is told as its package has it. */
function versionOf({ version }: InstalledApp, { installed }: AppMemory): string | null {
  return installed !== null && installed.listedAs === version ? installed.version : version
}

/** Who looks at the license that was placed; left out where none was, or by a gateway that did not know yet. */
function checkedByOf({ license }: AppMemory): Pick<AppReport, 'licenseCheckedBy'> {
  return license?.checkedBy ? { licenseCheckedBy: license.checkedBy } : {}
}

const absent = { name: null, present: false, version: null, runningState: 'NOT_RUNNING' } as const

/** Within what a report may hold: one that is too long would be refused with all that come in its message. */
export function factsOf(facts: DeviceFacts | null): DeviceFacts | null {
  if (!facts) return null
  const text = (value: string | null) => value?.slice(0, 300) ?? null
  return {
    ...facts,
    ...{ manufacturer: text(facts.manufacturer), model: text(facts.model), serialNumber: text(facts.serialNumber) },
    ...{ macAddress: text(facts.macAddress), firmwareVersion: text(facts.firmwareVersion) },
    architecture: text(facts.architecture),
    appFormats: facts.appFormats.slice(0, 20).map((format) => format.slice(0, 100)),
  }
}
