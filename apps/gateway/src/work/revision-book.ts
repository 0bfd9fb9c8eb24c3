import type { DesiredApp } from '@ocelli/contract'
import type { InstalledApp } from '@ocelli/driver'
import type { Clock } from '../state/clock.ts'
import {
  type AppMemory,
  type Attempt,
  emptyMemory,
  isBegun,
  isUnsettled,
  noteBeginning,
  openAttempt,
  settle,
} from './attempt.ts'
import type { DeviceMemory } from './device-memory.ts'
import type { Plan } from './planner.ts'
import { toInstallationError } from './work-error.ts'

/** The attempts of one device, each change on disk before it counts. */
export interface RevisionBook {
  entries(): readonly DesiredApp[]
  unsettled(): DesiredApp[]
  begun(): { entry: DesiredApp; attempt: Attempt }[]
  memoryOf(appId: string): AppMemory
  /** Opens attempts for new revisions, notes how they began, forgets apps that are no longer named. */
  open(observed: readonly InstalledApp[]): Promise<void>
  change(appId: string, memory: AppMemory): Promise<void>
  /** Settles what the plan says is settled, and gives those entries. */
  settleBy(plan: Plan, observed: readonly InstalledApp[]): Promise<DesiredApp[]>
  /** Ends entries with one error, or with the error their attempt has had before. */
  fail(entries: readonly DesiredApp[], error: unknown): Promise<void>
}

export function createRevisionBook(memory: DeviceMemory, clock: Pick<Clock, 'now'>): RevisionBook {
  const entries = () => memory.content.desired?.apps ?? []
  const memoryOf = (appId: string) => memory.content.apps.get(appId) ?? emptyMemory
  const appIn = (observed: readonly InstalledApp[], appId: string) =>
    observed.find((app) => app.appId === appId) ?? null

  function writeAll(changes: ReadonlyMap<string, AppMemory>): Promise<void> {
    return memory.write({ apps: new Map([...memory.content.apps, ...changes]) })
  }

  return {
    entries,
    memoryOf,
    unsettled: () => entries().filter((entry) => isUnsettled(memory.content.apps.get(entry.appId), entry)),
    begun: () =>
      entries().flatMap((entry) => {
        const known = memory.content.apps.get(entry.appId)
        return known?.attempt && isBegun(known, entry) ? [{ entry, attempt: known.attempt }] : []
      }),
    async open(observed) {
      const apps = new Map<string, AppMemory>()
      for (const entry of entries()) {
        const opened = openAttempt(memoryOf(entry.appId), entry)
        apps.set(entry.appId, noteBeginning(opened, entry, appIn(observed, entry.appId)))
      }
      const isChanged = ([appId, app]: [string, AppMemory]) => app !== memory.content.apps.get(appId)
      if (apps.size === memory.content.apps.size && ![...apps].some(isChanged)) return
      for (const [appId, { attempt }] of memory.content.apps) {
        if (attempt?.reinstall && !apps.has(appId)) await memory.configurations.drop(appId)
      }
      await memory.write({ apps })
    },
    change: (appId, changed) => writeAll(new Map([[appId, changed]])),
    async settleBy(plan, observed) {
      const at = new Date(clock.now()).toISOString()
      const settled = new Map<string, AppMemory>()
      for (const app of plan.apps) {
        if (app.kind !== 'settle') continue
        const outcome = { phase: app.phase, error: app.error && { ...app.error, at } }
        settled.set(app.appId, settle(memoryOf(app.appId), outcome, appIn(observed, app.appId)))
      }
      // Before the end is written down: what a kill left over would be given to the app at a later downgrade.
      for (const [appId, { attempt }] of settled) {
        const isOver = attempt?.outcome?.phase === 'CONVERGED' || attempt?.reinstall?.configuration !== null
        if (attempt?.reinstall && isOver) await memory.configurations.drop(appId)
      }
      if (settled.size > 0) await writeAll(settled)
      return entries().filter(({ appId }) => settled.has(appId))
    },
    async fail(failed, error) {
      const installationError = toInstallationError(error, clock.now())
      const settled = new Map<string, AppMemory>()
      for (const entry of failed) {
        const opened = openAttempt(memoryOf(entry.appId), entry)
        const told = opened.attempt?.error ?? installationError
        settled.set(entry.appId, settle(opened, { phase: 'FAILED', error: told }))
      }
      if (settled.size > 0) await writeAll(settled)
    },
  }
}
