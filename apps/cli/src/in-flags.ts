/** What refusals of the API call things, and what the command line calls them. Longer names first. */
const names: [RegExp, string][] = [
  [/"?\bacceptDataLoss\b"?(: true)?/g, '--accept-data-loss'],
  [/"?\bacceptWithoutRollback\b"?(: true)?/g, '--accept-without-rollback'],
  [/"rollback": "PREVIOUS_VERSION"/g, '--rollback'],
  [/Send "allowDowngrade": true/g, 'Add --allow-downgrade'],
  [/"allowDowngrade": true/g, '--allow-downgrade'],
  [/,? or send \?whenOffline=queue/g, ', or add --queue'],
  [/\bmaxInFlightPerSite\b/g, '--max-in-flight-per-site'],
  [/\bmaxInFlight\b/g, '--max-in-flight'],
  [/\bdeadlineAt\b/g, '--deadline'],
  [/\bstartAt\b/g, '--start-at'],
  [/\blicenseType\b/g, '--license-type'],
  [/\borderId\b/g, '--order'],
  [/end with \{"percent": 100\}/g, 'end --waves with 100'],
  [/send (it|the new key) to POST \/license\/v1\/vendor-licenses/g, 'store $1 with: ocelli vendor-keys upload'],
]

/**
 * A refusal of the API in the words of the command line: `"acceptDataLoss": true` becomes `--accept-data-loss`. Pointers into the
 * body (`/schedule/deadlineAt`) stay, since they name a place. Pure.
 */
export function inFlags(text: string): string {
  return names.reduce((told, [name, flag]) => told.replace(name, (...found) => replacement(flag, found)), text)
}

function replacement(flag: string, [match, ...rest]: unknown[]): string {
  const [text, offset] = [rest.at(-1), rest.at(-2)]
  const isInPointer = typeof text === 'string' && typeof offset === 'number' && text[offset - 1] === '/'
  if (isInPointer) return String(match)
  return flag.replace('$1', typeof rest[0] === 'string' ? rest[0] : '')
}
