import { expect, test } from 'vitest'
import { inFlags } from './in-flags.ts'

test.each([
  [
    '3 of 3 devices would lose the app\'s data if they were set back; "acceptDataLoss": true accepts that. A dry run names them.',
    "3 of 3 devices would lose the app's data if they were set back; --accept-data-loss accepts that. A dry run names them.",
  ],
  [
    '1 of 3 devices cannot be set back; "acceptWithoutRollback": true leaves those on the new version.',
    '1 of 3 devices cannot be set back; --accept-without-rollback leaves those on the new version.',
  ],
  ['acceptDataLoss goes with "rollback": "PREVIOUS_VERSION".', '--accept-data-loss goes with --rollback.'],
  ['Send "allowDowngrade": true to go back; its data is lost.', 'Add --allow-downgrade to go back; its data is lost.'],
  [
    'The device is OFFLINE (unreachable). Try again when it is back, or send ?whenOffline=queue.',
    'The device is OFFLINE (unreachable). Try again when it is back, or add --queue.',
  ],
  ['maxInFlightPerSite is above maxInFlight.', '--max-in-flight-per-site is above --max-in-flight.'],
  ['deadlineAt must lie ahead, and after startAt.', '--deadline must lie ahead, and after --start-at.'],
  [
    'Get the key file from the vendor and send it to POST /license/v1/vendor-licenses; no unit is needed.',
    'Get the key file from the vendor and store it with: ocelli vendor-keys upload; no unit is needed.',
  ],
  [
    'The last wave reaches every device: end with {"percent": 100}.',
    'The last wave reaches every device: end --waves with 100.',
  ],
])('%s', (refusal, told) => {
  expect(inFlags(refusal)).toBe(told)
})

test('what is no name of the API stays as it is, also a place in the body', () => {
  for (const text of ['/schedule/deadlineAt must match format "date-time".', 'No free license is left.']) {
    expect(inFlags(text)).toBe(text)
  }
})
