import type { FaultName, Faults } from '../faults.ts'

type Check<Value> = (value: unknown) => value is Value

const isTrueOrFalse: Check<boolean> = (value) => typeof value === 'boolean'
const isText: Check<string> = (value) => typeof value === 'string'
const isOffset = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isAmount = (value: unknown): value is number => isOffset(value) && value >= 0
const isRate = (value: unknown): value is number => isOffset(value) && value > 0
const isCount = (value: unknown): value is number => isRate(value) && Number.isSafeInteger(value)

const oneOf =
  <const Value extends string | number>(...values: readonly Value[]): Check<Value> =>
  (value): value is Value =>
    values.some((one) => one === value)

const optional =
  <Value>(check: Check<Value>): Check<Value | undefined> =>
  (value): value is Value | undefined =>
    value === undefined || check(value)

/** An object with these members and no others. */
const shape =
  <Value extends object>(checks: { [Key in keyof Value]-?: Check<Value[Key]> }): Check<Value> =>
  (value): value is Value => {
    if (!isRecord(value)) return false
    const members: Record<string, Check<unknown>> = checks
    return (
      Object.keys(value).every((key) => Object.hasOwn(members, key)) &&
      Object.entries(members).every(([key, check]) => check(value[key]))
    )
  }

const isOperationFilter = (value: unknown): value is true | readonly string[] =>
  value === true || (Array.isArray(value) && value.every(isText))

/** One check per fault, so that a new fault cannot be forgotten here. */
const checks: { [Name in FaultName]: Check<Faults[Name]> } = {
  slowMs: isAmount,
  dropRequest: isCount,
  dropReply: isOperationFilter,
  uploadBytesPerSecond: isRate,
  dropUploadAfterBytes: isAmount,
  refuseUpload: (value): value is number => isCount(value) && value >= 400 && value <= 599,
  failInstall: isText,
  installNeverFinishes: isTrueOrFalse,
  uninstallNeverFinishes: isTrueOrFalse,
  lateIdentificationMs: isAmount,
  rebootDuring: shape<Faults['rebootDuring']>({
    step: oneOf('upload', 'install', 'activate'),
    downMs: isAmount,
    inFlight: optional(oneOf('lost', 'completed')),
    resetsClock: optional(isTrueOrFalse),
  }),
  clockOffsetMs: isOffset,
  auth: oneOf('digest', 'digest-md5', 'digest-sha256', 'wsse', 'both'),
  challengeShape: shape<Faults['challengeShape']>({
    qop: oneOf('auth', 'auth,auth-int', 'absent'),
    algorithm: oneOf('token', 'quoted', 'absent'),
    opaque: optional(oneOf('absent')),
  }),
  xaddr: oneOf('private', 'loopback', 'garbage', 'path-only'),
  dateTimeNeedsAuthentication: isTrueOrFalse,
  utcDateTimeMissing: isTrueOrFalse,
  noCapabilities: isTrueOrFalse,
  qualifiedReplies: isTrueOrFalse,
  pullPoint: oneOf('refused', 'hostless', 'empty', 'reference-parameters'),
  noEvents: isTrueOrFalse,
  silentEvents: isTrueOrFalse,
  deviceId: (value): value is string => isText(value) && value !== '' && value.length <= 255,
  htmlReply: isOperationFilter,
  malformedXml: isOperationFilter,
  appFallsBackMs: isAmount,
  noKeepAlive: isTrueOrFalse,
  oneConnection: isTrueOrFalse,
  hugeReplyBytes: (value): value is number => isAmount(value) && value <= 2 ** 28,
  actionParameter: oneOf('required', 'refused'),
  faultStatus: oneOf(200, 400, 500),
  failOperation: shape<Faults['failOperation']>({ operations: isOperationFilter, reason: isText }),
  noGetServices: isTrueOrFalse,
  passwordRules: shape<Faults['passwordRules']>({
    minLength: optional(isAmount),
    maxLength: optional(isAmount),
    uppercase: optional(isAmount),
    digits: optional(isAmount),
    special: optional(isAmount),
    blocksUserName: optional(isTrueOrFalse),
  }),
  refusePassword: isText,
  passwordTakesMs: isAmount,
  keepsPassword: isTrueOrFalse,
  cgiError: shape<Faults['cgiError']>({ operations: isOperationFilter, code: isCount }),
  uploadOutcomeUnknown: oneOf('installed', 'lost'),
  flashFull: isTrueOrFalse,
  uploadBusy: isTrueOrFalse,
  signatureRefused: isTrueOrFalse,
}

/** A change of faults; null for a fault that is to be cleared. */
export type FaultChange = { [Name in FaultName]?: Faults[Name] | null }

/** Reads a change of faults out of parsed JSON; a sentence for a person when it is none. Nothing is guessed. */
export function readFaultChange(value: unknown): FaultChange | string {
  if (!isRecord(value)) return 'Faults are a JSON object: the name of the fault and its value, null to clear it.'
  for (const [name, wanted] of Object.entries(value)) {
    if (!isFaultName(name)) return `There is no fault ${name}. Known: ${Object.keys(checks).join(', ')}.`
    if (wanted !== null && !checks[name](wanted)) return `${JSON.stringify(wanted)} is no value for the fault ${name}.`
  }
  return value
}

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(checks, name)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
