import { errorCategories, type InstallationError, type RolloutAction, type RolloutStrategy } from '@ocelli/contract'
import { describe, expect, it } from 'vitest'
import { type InFlight, settle } from './settle-rules.ts'

type Now = NonNullable<InFlight['installation']>
const installed: Now = {
  ...{ revision: 7, settled: true, presence: 'PRESENT', installationState: 'INSTALLED', present: true },
  ...{ runningState: 'RUNNING', error: null },
}
const error = (category: InstallationError['category'], retryable = true): InstallationError => ({
  ...{ category, code: 'a-code', detail: 'A sentence.', deviceCode: null, retryable, at: '2026-01-01T00:00:00Z' },
})
const outcome = (
  now: Partial<Now> | null,
  { action = 'INSTALL' as RolloutAction, attempts = 1, strategy = {} as RolloutStrategy, mayRetry = true } = {},
) => {
  const installation = now ? { ...installed, ...now } : null
  const settled = settle({ attempts, revision: 7, installation }, { action, strategy, mayRetry })
  if (!settled) return 'under way'
  return [
    settled.to,
    ...('reason' in settled ? [settled.reason] : []),
    ...('dueInSeconds' in settled ? [settled.dueInSeconds] : []),
  ].join(' ')
}

it('of a rollback is cancelled when its wish was overtaken, though the app is installed', () => {
  const overtaken = { attempts: 1, revision: 6, installation: installed }
  const options = { action: 'UPDATE', strategy: {}, mayRetry: true } as const
  expect(settle(overtaken, { ...options, isRollback: true })).toMatchObject({ to: 'CANCELLED', reason: 'superseded' })
  expect(settle(overtaken, options)).toMatchObject({ to: 'SUCCEEDED' })
})

describe('a device in flight', () => {
  it.each<[string, Partial<Now> | null, RolloutAction, string]>([
    ['stays while its installation is not settled', { settled: false }, 'INSTALL', 'under way'],
    ['succeeds when it settled as wished', {}, 'INSTALL', 'SUCCEEDED'],
    ['succeeds when its app runs', {}, 'START', 'SUCCEEDED'],
    ['succeeds when its app stands', { runningState: 'NOT_RUNNING' }, 'STOP', 'SUCCEEDED'],
    [
      'succeeds when the app is gone',
      { presence: null, present: false, installationState: 'NOT_INSTALLED' },
      'UNINSTALL',
      'SUCCEEDED',
    ],
    ['is cancelled when its installation is gone', null, 'UPDATE', 'CANCELLED device-gone'],
    [
      'is cancelled when another wish has taken its place',
      { revision: 8, settled: false },
      'INSTALL',
      'CANCELLED superseded',
    ],
    [
      'is cancelled when somebody uninstalled',
      { revision: 8, presence: null, present: false, installationState: 'NOT_INSTALLED' },
      'INSTALL',
      'CANCELLED superseded',
    ],
    ['succeeds when another wish brought about the same', { revision: 8 }, 'INSTALL', 'SUCCEEDED'],
    [
      'fails after a first install that the platform cleans up under a new revision',
      { revision: 8, presence: 'ABSENT', installationState: 'INSTALLATION_FAILED', error: error('internal') },
      'INSTALL',
      'FAILED',
    ],
  ])('%s', (_, now, action, expected) => {
    expect(outcome(now, { action })).toBe(expected)
  })

  it.each(errorCategories.map((category) => [category, outcome({ error: error(category) })]))(
    '%s ends as %s',
    (category, end) => {
      const rejected = ['refused-by-device', 'incompatible', 'license']
      expect(end).toBe(category === 'timeout' ? 'TIMED_OUT' : rejected.includes(category) ? 'REJECTED' : 'FAILED')
    },
  )

  it.each<[string, Parameters<typeof outcome>[1], InstallationError, string]>([
    ['tries again', { strategy: { attempts: 3 } }, error('network'), 'PENDING 60'],
    ['waits twice as long the next time', { attempts: 2, strategy: { attempts: 3 } }, error('network'), 'PENDING 120'],
    ['waits an hour at most', { attempts: 9, strategy: { attempts: 10 } }, error('network'), 'PENDING 3600'],
    ['gives up after the last attempt', { attempts: 3, strategy: { attempts: 3 } }, error('network'), 'FAILED'],
    ['does not repeat what the camera refused', { strategy: { attempts: 3 } }, error('refused-by-device'), 'REJECTED'],
    [
      'repeats what it was told to',
      { strategy: { attempts: 3, retryOn: ['license'], backoffSeconds: 5 } },
      error('license'),
      'PENDING 5',
    ],
    ['does not repeat what cannot end otherwise', { strategy: { attempts: 3 } }, error('network', false), 'FAILED'],
    [
      'has other attempts and backoff for a category',
      { attempts: 2, strategy: { attempts: 1, retries: [{ on: 'internal', attempts: 4, backoffSeconds: 10 }] } },
      error('internal'),
      'PENDING 20',
    ],
    ['does not begin again after an abort', { strategy: { attempts: 3 }, mayRetry: false }, error('network'), 'FAILED'],
  ])('%s', (_, options, cause, expected) => {
    expect(outcome({ error: cause }, options)).toBe(expected)
  })
})
