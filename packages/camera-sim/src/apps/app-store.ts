import type { AppState, InstalledApp } from './app.ts'

export type EventState = AppState | 'Removed' | 'InstallationFailed'

/** A change of one app, as AppMgmt/State events tell it. */
export interface AppChange {
  appId: string
  state: EventState
  status: string
  /** `Initialized` when the app was not there before, `Deleted` when it is gone. */
  operation: 'Initialized' | 'Changed' | 'Deleted'
}

export interface AppStore {
  all(): readonly InstalledApp[]
  find(appId: string): InstalledApp | undefined
  /** Storage that the apps take, in bytes. */
  usedBytes(): number
  /** Adds an app and tells its state. */
  add(app: InstalledApp): void
  /** Goes into a state and tells it. */
  enter(app: InstalledApp, state: AppState, status?: string): void
  /** Tells a state that no app stays in. */
  announce(change: AppChange): void
  /** Forgets an app and tells that it is gone. */
  remove(app: InstalledApp, state: 'Removed' | 'InstallationFailed', status?: string): void
  /** Saves a change that is no change of state. */
  touch(): void
  /** Puts everything back to what survives a loss of power. */
  settle(): void
  clear(): void
}

export interface AppStoreOptions {
  initial: readonly InstalledApp[]
  onChange: (change: AppChange) => void
  onSave: () => void
}

export function createAppStore({ initial, onChange, onSave }: AppStoreOptions): AppStore {
  const apps = new Map<string, InstalledApp>()
  const load = (list: readonly InstalledApp[]) => {
    apps.clear()
    for (const app of survivors(list)) apps.set(app.appId, app)
  }
  load(initial)

  function tell(change: AppChange): void {
    onChange(change)
    onSave()
  }

  return {
    all: () => [...apps.values()],
    find: (appId) => apps.get(appId),
    usedBytes: () => [...apps.values()].reduce((sum, app) => sum + app.sizeBytes, 0),
    add(app) {
      apps.set(app.appId, app)
      tell({ appId: app.appId, state: app.state, status: app.status, operation: 'Initialized' })
    },
    enter(app, state, status = '') {
      app.state = state
      app.status = status
      tell({ appId: app.appId, state, status, operation: 'Changed' })
    },
    announce: tell,
    remove(app, state, status = '') {
      apps.delete(app.appId)
      tell({ appId: app.appId, state, status, operation: 'Deleted' })
    },
    touch: onSave,
    settle() {
      load([...apps.values()])
      onSave()
    },
    clear() {
      apps.clear()
      onSave()
    },
  }
}

/** Apps as they are found after a loss of power: a first installation is lost, an update never happened. */
export function survivors(apps: readonly InstalledApp[]): InstalledApp[] {
  return apps
    .filter((app) => app.state !== 'Installing' || app.previous !== null)
    .map((app) => {
      const version = app.state === 'Installing' ? app.previous : null
      const state = app.state === 'Active' ? 'Active' : 'Inactive'
      return { ...app, ...version, previous: null, state, status: '' }
    })
}
