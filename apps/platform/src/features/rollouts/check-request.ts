import type { RolloutRequest, RolloutStrategy } from '@ocelli/contract'
import { ProblemError } from '../../platform/http/problem.ts'

/** Refuses what contradicts itself, and says which two things do. Pure. */
export function checkRequest(request: RolloutRequest, nowMs: number): void {
  const { action, devices, schedule, version, licenseType, orderId } = request
  const listed = devices.deviceIds ?? null
  const filter = devices.filter ?? null
  if (listed && filter) refuse('/devices/filter', 'exclusive', 'Give either deviceIds or filter, not both.')
  if (!listed && !filter) refuse('/devices', 'required', 'Say which devices: deviceIds or filter.')
  if (listed && listed.length === 0) refuse('/devices/deviceIds', 'minItems', 'The list of devices is empty.')
  if (listed && devices.keepOpen) {
    refuse(
      '/devices/keepOpen',
      'exclusive',
      'Only a rollout with a filter can be kept open for devices that match later.',
    )
  }
  if (action === 'INSTALL' && !licenseType) refuse('/licenseType', 'required', 'INSTALL needs a licenseType.')
  if (action !== 'INSTALL' && licenseType) refuse('/licenseType', 'exclusive', `${action} takes no licenseType.`)
  if (orderId && action !== 'INSTALL') refuse('/orderId', 'exclusive', `${action} takes no orderId.`)
  if (version && !['INSTALL', 'UPDATE'].includes(action)) refuse('/version', 'exclusive', `${action} takes no version.`)
  const window = schedule?.window
  if (window && window.from === window.to) {
    refuse('/schedule/window/to', 'contradiction', 'A window that begins and ends at the same minute says nothing.')
  }
  const startMs = schedule?.startAt ? Date.parse(schedule.startAt) : nowMs
  const deadlineMs = schedule?.deadlineAt ? Date.parse(schedule.deadlineAt) : null
  if (deadlineMs !== null && deadlineMs <= Math.max(startMs, nowMs)) {
    refuse('/schedule/deadlineAt', 'contradiction', 'deadlineAt must lie ahead, and after startAt.')
  }
  checkStrategy(request.strategy ?? {}, action)
}

function checkStrategy(strategy: RolloutStrategy, action: RolloutRequest['action']): void {
  checkWaves(strategy)
  const { rate, retries, attempts, retryOn, abort, maxInFlight, maxInFlightPerSite } = strategy
  if (rate?.exponential && rate.exponential.baseRatePerMinute > rate.maximumPerMinute) {
    refuse('/strategy/rate', 'contradiction', 'baseRatePerMinute is above maximumPerMinute.')
  }
  if (maxInFlight && maxInFlightPerSite && maxInFlightPerSite > maxInFlight) {
    refuse('/strategy/maxInFlightPerSite', 'contradiction', 'maxInFlightPerSite is above maxInFlight.')
  }
  if (attempts && attempts > 1 && retryOn && retryOn.length === 0) {
    refuse('/strategy/retryOn', 'contradiction', 'Several attempts, but retryOn names no category of error.')
  }
  const categories = (retries ?? []).map(({ on }) => on)
  if (new Set(categories).size < categories.length) {
    refuse('/strategy/retries', 'contradiction', 'A category of error is named twice.')
  }
  for (const [index, rule] of (abort ?? []).entries()) {
    const given = Number(rule.percent != null) + Number(rule.count != null)
    if (given !== 1) refuse(`/strategy/abort/${index}`, 'exclusive', 'An abort rule has either a percent or a count.')
  }
  if (strategy.stepTimeoutSeconds && strategy.deviceTimeoutSeconds) {
    if (strategy.stepTimeoutSeconds > strategy.deviceTimeoutSeconds) {
      refuse('/strategy/stepTimeoutSeconds', 'contradiction', 'A step may take longer than the whole device.')
    }
  }
  if (strategy.rollback === 'PREVIOUS_VERSION' && action !== 'UPDATE') {
    refuse('/strategy/rollback', 'contradiction', `${action} has no previous version to go back to.`)
  }
  for (const gap of ['acceptDataLoss', 'acceptWithoutRollback'] as const) {
    if (strategy[gap] && strategy.rollback !== 'PREVIOUS_VERSION')
      refuse(`/strategy/${gap}`, 'contradiction', `${gap} goes with "rollback": "PREVIOUS_VERSION".`)
  }
}

function checkWaves({ waves }: RolloutStrategy): void {
  if (!waves) return
  let before: { percent: number; count: number } = { percent: 0, count: 0 }
  for (const [index, wave] of waves.entries()) {
    const pointer = `/strategy/waves/${index}`
    if ((wave.percent == null) === (wave.count == null))
      refuse(pointer, 'exclusive', 'A wave has either a percent or a count.')
    const isHigher = wave.percent != null ? wave.percent > before.percent : (wave.count ?? 0) > before.count
    if (!isHigher)
      refuse(pointer, 'contradiction', 'Waves say how far the rollout has come: each is higher than the one before.')
    before = { percent: wave.percent ?? before.percent, count: wave.count ?? before.count }
  }
  if (waves.at(-1)?.percent !== 100) {
    refuse(
      `/strategy/waves/${waves.length - 1}`,
      'contradiction',
      'The last wave reaches every device: end with {"percent": 100}.',
    )
  }
}

function refuse(pointer: string, code: string, detail: string): never {
  throw new ProblemError('invalid-request', detail, { errors: [{ pointer, code, detail }] })
}
