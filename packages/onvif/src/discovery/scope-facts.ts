/** What a camera tells of itself in its scopes (ONVIF Core, discovery: fixed ones, and those that makers add). */
export type ScopeFacts = {
  name: string | null
  /** `hardware`: the model, at times with its maker. */
  model: string | null
  manufacturer: string | null
  serialNumber: string | null
  /** As written. */
  macAddress: string | null
}

const MAX_LENGTH = 200

/** Reads `onvif://www.onvif.org/<category>/<value>`; the first value of a category counts. */
export function readScopes(scopes: readonly string[]): ScopeFacts {
  const values = new Map<string, string>()
  for (const scope of scopes) {
    const [, category, value] = /^onvif:\/\/(?:www\.)?onvif\.org\/([^/]+)\/(.+)$/i.exec(scope) ?? []
    const key = category?.toLowerCase() ?? ''
    const text = plainText(unescaped(value ?? ''))
    if (text !== '' && !values.has(key)) values.set(key, text)
  }
  const first = (...keys: string[]) => keys.map((key) => values.get(key)).find((value) => value !== undefined) ?? null
  return {
    name: first('name'),
    model: first('hardware', 'model'),
    manufacturer: first('manufacturer', 'mfr'),
    serialNumber: first('serialnumber', 'serial'),
    macAddress: first('macaddress', 'mac'),
  }
}

/** Without what would write on the terminal of whoever lists it. */
export function plainText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_LENGTH)
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: the text as it is says more than nothing.
    return text
  }
}
