/** A license key file of a camera's vendor: opaque but for what it says of whom it is for. */
export interface VendorKey {
  /** The whole file, as it goes to the camera. */
  content: string
  /** Serial number of the camera, twelve upper case hex digits; null where the file does not say it in a known way. */
  deviceId: string | null
  /** The vendor's number of the app. */
  applicationId: string | null
  /** `YYYY-MM-DD`, the last good day. */
  expires: string | null
}

/** A key, or a sentence for a person that says why the file is none. */
export type KeyReading = { kind: 'key'; key: VendorKey } | { kind: 'damaged'; reason: string }

/** Axis documents no limit; keys that were seen are of 1 to 3 KiB. */
export const maxKeyBytes = 64 * 1024

// Elements of `<LicenseKey>`: public in keys of 2025 and in the key check of AXIS OS 5 (docs/axis.md), not documented by Axis.
const deviceElement = 'DeviceID'
const applicationElement = 'ApplicationID'
const expiryElement = 'ExpirationDate'

/** Reads a key file's text. Takes time and memory in proportion to its size, and resolves nothing that it refers to. */
export function readVendorKey(bytes: Uint8Array): KeyReading {
  if (bytes.length === 0) return damaged('The file is empty.')
  if (bytes.length > maxKeyBytes) return damaged(`The file is larger than ${maxKeyBytes / 1024} KiB.`)
  const content = decode(bytes)
  if (content === null) return damaged('The file is not text in UTF-8.')
  const root = /^\uFEFF?\s*(?:<\?[^<>]*\?>\s*)?<([A-Za-z_][\w.:-]{0,100})[\s/>]/.exec(content)?.[1]
  if (root === undefined) return damaged('The file is no XML, as license keys of Axis are.')
  if (!content.trimEnd().endsWith(`</${root}>`)) return damaged('The file ends in the middle.')
  const said = collectTexts(content)
  return {
    kind: 'key',
    key: {
      content,
      deviceId: onlyOne(said, deviceElement, toDeviceId),
      applicationId: onlyOne(said, applicationElement, (value) => (/^\d{1,20}$/.test(value) ? value : null)),
      // a key without end says 0
      expires: onlyOne(said, expiryElement, toDay),
    },
  }
}

/** The serial number in a file's name, such as `ACCC8E123456.xml` or `key_AC-CC-8E-12-34-56.lic`; null unless there is one. */
export function deviceIdOfFileName(name: string): string | null {
  const found = name.match(/(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5}(?![0-9A-Za-z])/g) ?? []
  const ids = new Set(found.flatMap((text) => toDeviceId(text) ?? []))
  return ids.size === 1 ? ([...ids][0] ?? null) : null
}

const damaged = (reason: string): KeyReading => ({ kind: 'damaged', reason })

function decode(bytes: Uint8Array): string | null {
  try {
    // a byte order mark is part of what the vendor signed
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}

/** Texts of elements without children, by name. The pattern never looks past a `<`, so it does not backtrack far. */
function collectTexts(content: string): Map<string, Set<string>> {
  const said = new Map<string, Set<string>>()
  for (const [, name = '', text = ''] of content.matchAll(
    /<([A-Za-z_][\w.-]{0,60})(?:\s[^<>]{0,500})?>([^<>]{0,300})<\//g,
  )) {
    said.set(name, (said.get(name) ?? new Set()).add(text.trim()))
  }
  return said
}

/** What the file says in this element, where it says one thing only. */
function onlyOne(
  said: ReadonlyMap<string, ReadonlySet<string>>,
  element: string,
  read: (value: string) => string | null,
): string | null {
  const values = new Set([...(said.get(element) ?? [])].flatMap((text) => read(text) ?? []))
  return values.size === 1 ? ([...values][0] ?? null) : null
}

function toDeviceId(value: string): string | null {
  const plain = value.replace(/[:-]/g, '').toUpperCase()
  return /^[0-9A-F]{12}$/.test(plain) ? plain : null
}

function toDay(value: string): string | null {
  const day = /^(\d{4}-\d{2}-\d{2})(?:$|[T ])/.exec(value)?.[1]
  if (day === undefined || day < '1970-01-01') return null
  const at = Date.parse(`${day}T00:00:00Z`)
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== day ? null : day
}
