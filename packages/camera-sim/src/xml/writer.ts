/** Markup that is already well-formed. Made only by `xml` and `joinXml`, so that plain text is always escaped. */
export interface Xml {
  readonly markup: string
}

export type XmlValue = string | number | boolean | Xml | readonly Xml[] | null

const compacted = new WeakMap<TemplateStringsArray, readonly string[]>()

/** Builds XML from a template: strings are escaped, fragments and lists of them are put in as they are, null is nothing. */
export function xml(strings: TemplateStringsArray, ...values: readonly XmlValue[]): Xml {
  const parts = compact(strings)
  let markup = parts[0] ?? ''
  values.forEach((value, index) => {
    markup += write(value) + (parts[index + 1] ?? '')
  })
  return { markup }
}

export function joinXml(parts: readonly Xml[]): Xml {
  return { markup: parts.map((part) => part.markup).join('') }
}

/** Escapes text for element content and quoted attributes; characters that XML 1.0 cannot carry become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replace(/[&<>"\r]/g, (character) => entities[character] ?? character)
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
}

function write(value: XmlValue): string {
  if (value === null) return ''
  if (typeof value === 'object') return 'markup' in value ? value.markup : joinXml(value).markup
  return escapeXml(String(value))
}

/** Line breaks and indentation of the source are no part of the message. */
function compact(strings: TemplateStringsArray): readonly string[] {
  let parts = compacted.get(strings)
  if (parts === undefined) {
    parts = strings.map((part) => part.replace(/\s*\n\s*/g, ''))
    compacted.set(strings, parts)
  }
  return parts
}
