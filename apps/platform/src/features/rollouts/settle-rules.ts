import type { InstallationError, RolloutAction, RolloutDeviceState, RolloutStrategy } from '@ocelli/contract'

/** A device in flight and the installation that it waits for. */
export interface InFlight {
  attempts: number
  revision: number
  installation: {
    revision: number
    settled: boolean
    presence: 'PRESENT' | 'ABSENT' | null
    installationState: string
    present: boolean
    runningState: string
    error: InstallationError | null
  } | null
}

export type Settled =
  | { to: 'SUCCEEDED' }
  | { to: Extract<RolloutDeviceState, 'FAILED' | 'REJECTED' | 'TIMED_OUT'>; error: InstallationError }
  | { to: 'PENDING'; error: InstallationError; dueInSeconds: number }
  | { to: 'CANCELLED'; reason: 'device-gone' | 'superseded' }

const maxBackoffSeconds = 3600
const defaults = {
  attempts: 1,
  backoffSeconds: 60,
  retryOn: ['device-unreachable', 'network', 'timeout'],
} as const

/** What has become of a device in flight; null while it is under way. Pure. */
export function settle(
  { attempts, revision, installation: now }: InFlight,
  {
    action,
    strategy,
    mayRetry,
    isRollback = false,
  }: { action: RolloutAction; strategy: RolloutStrategy; mayRetry: boolean; isRollback?: boolean },
): Settled | null {
  if (!now) return { to: 'CANCELLED', reason: 'device-gone' }
  const isOurs = now.revision === revision
  // an installed app is what an update wants, whoever asked for it; not what going back wants
  if (now.settled && (isOurs || !isRollback) && isReached(action, now)) return { to: 'SUCCEEDED' }
  // after a failed first install the platform itself raises the revision, to clean up
  if (now.settled && now.error && (isOurs || now.installationState === 'INSTALLATION_FAILED')) {
    return ended(now.error, { attempts, strategy, mayRetry })
  }
  if (!isOurs) return { to: 'CANCELLED', reason: 'superseded' }
  return now.settled ? { to: 'SUCCEEDED' } : null
}

function isReached(action: RolloutAction, now: NonNullable<InFlight['installation']>): boolean {
  if (action === 'UNINSTALL') return now.presence === null && !now.present
  if (now.error || now.presence !== 'PRESENT') return false
  if (action === 'START') return now.runningState === 'RUNNING'
  if (action === 'STOP') return now.runningState === 'NOT_RUNNING'
  return now.installationState === 'INSTALLED'
}

function ended(
  error: InstallationError,
  { attempts, strategy, mayRetry }: { attempts: number; strategy: RolloutStrategy; mayRetry: boolean },
): Settled {
  const own = strategy.retries?.find(({ on }) => on === error.category)
  const isRetried = own !== undefined || (strategy.retryOn ?? [...defaults.retryOn]).includes(error.category)
  const allowed = isRetried && error.retryable ? (own?.attempts ?? strategy.attempts ?? defaults.attempts) : 1
  if (mayRetry && attempts < allowed) {
    const first = own?.backoffSeconds ?? strategy.backoffSeconds ?? defaults.backoffSeconds
    const dueInSeconds = Math.max(first, Math.min(maxBackoffSeconds, first * 2 ** (attempts - 1)))
    return { to: 'PENDING', error, dueInSeconds }
  }
  return { to: endStateOf(error), error }
}

function endStateOf({ category }: InstallationError): 'FAILED' | 'REJECTED' | 'TIMED_OUT' {
  switch (category) {
    case 'timeout':
      return 'TIMED_OUT'
    case 'refused-by-device':
    case 'incompatible':
    case 'license':
      return 'REJECTED'
    case 'device-unreachable':
    case 'credentials-refused':
    case 'network':
    case 'internal':
      return 'FAILED'
  }
}
