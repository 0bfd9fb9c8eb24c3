import { type AppState, readAppState } from './app-info.ts'
import { createPullPoint, type PullPointInput } from './pull-point.ts'
import type { CallOptions } from './service-call.ts'
import { attribute, child, childrenNamed, childText, descend, type XmlElement } from './xml-element.ts'

/** A state of an app as the camera announced it; `status` holds the reason when it failed. */
export type AppStateEvent = {
  appId: string
  state: AppState
  status: string
  /** `Initialized` repeats what already was when the subscription began. */
  operation: 'Initialized' | 'Changed' | 'Deleted'
}

/** Changes since the subscription began wait at the camera until they are pulled. */
export type AppStateSubscription = {
  /** Waits up to `waitMs` for changes; an empty list when there were none. Other calls to the camera wait meanwhile. */
  pull(options: CallOptions & { waitMs: number }): Promise<AppStateEvent[]>
  close(options?: CallOptions): Promise<void>
}

/** Subscribes to `tns1:AppMgmt/State`. Throws `events-unsupported` when the camera does not offer that; then poll GetAppsInfo. */
export async function subscribeAppStates(input: Omit<PullPointInput, 'topic'>): Promise<AppStateSubscription> {
  const pullPoint = await createPullPoint({ ...input, topic: 'tns1:AppMgmt/State' })
  return {
    pull: async (options) => (await pullPoint.pull(options)).flatMap(readStateEvent),
    close: (options) => pullPoint.close(options),
  }
}

/** The app state inside a NotificationMessage; nothing for other topics, which cameras send when they ignore the filter. */
function readStateEvent(message: XmlElement): AppStateEvent[] {
  const segments = (childText(message, 'Topic') ?? '')
    .split('/')
    .map((segment) => segment.slice(segment.indexOf(':') + 1))
  if (segments.at(-2) !== 'AppMgmt' || segments.at(-1) !== 'State') return []
  const content = descend(message, 'Message', 'Message') ?? child(message, 'Message')
  const appId = simpleItem(child(content, 'Source'), 'AppID')
  const state = simpleItem(child(content, 'Data'), 'State')
  if (appId === undefined) return []
  const operation = attribute(content, 'PropertyOperation')
  return [
    {
      appId,
      // A deleted property may come without data: the app is gone.
      state: state === undefined && operation === 'Deleted' ? 'Removed' : readAppState(state),
      status: simpleItem(child(content, 'Data'), 'Status') ?? '',
      operation: operation === 'Initialized' || operation === 'Deleted' ? operation : 'Changed',
    },
  ]
}

function simpleItem(container: XmlElement | undefined, name: string): string | undefined {
  return attribute(
    childrenNamed(container, 'SimpleItem').find((item) => attribute(item, 'Name') === name),
    'Value',
  )
}
