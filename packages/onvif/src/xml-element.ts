import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { OnvifError } from './onvif-error.ts'

/** An element of a camera's answer. `name` is the local name; `text` is the element's own text, untrimmed. */
export type XmlElement = {
  name: string
  namespace: string
  attributes: XmlAttribute[]
  children: XmlElement[]
  text: string
}
type XmlAttribute = { name: string; namespace: string; value: string }

// A camera with 500 apps answers GetAppsInfo with about 10,000 elements; the bound keeps a hostile answer under a second of parsing.
const MAX_TAGS = 50_000
const MAX_DEPTH = 64

const parser = {
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // Entities are decoded below: the five of XML and character references, never declared ones.
  processEntities: false,
  htmlEntities: false,
  cdataPropName: '#cdata',
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: MAX_DEPTH,
  jPath: false,
}

/**
 * Reads an XML document from an untrusted camera in bounded time and memory. Characters that XML cannot carry, written plainly or as
 * references, are read as U+FFFD: neither a request that repeats them nor a database takes them.
 * Throws `bad-reply` for anything malformed, for a DOCTYPE (entity bombs, external entities) and for too many or too deep elements.
 */
export function parseXml(text: string): XmlElement {
  if (/<!\s*(doctype|entity)/i.test(text)) throw badXml('it declares a document type, which SOAP forbids')
  if (countTags(text) > MAX_TAGS) throw badXml(`it has more than ${MAX_TAGS} tags`)
  const readable = text.replace(UNCARRIED, '\ufffd')
  const validity = XMLValidator.validate(readable)
  if (validity !== true) throw badXml('it is not well-formed')
  let nodes: unknown
  try {
    nodes = new XMLParser(parser).parse(readable)
  } catch (error) {
    throw badXml('it cannot be parsed', error)
  }
  const roots = readChildren(nodes, undefined).elements
  const root = roots[0]
  if (root === undefined || roots.length > 1) throw badXml('it does not have exactly one root element')
  return root
}

/** The first child with that local name, whether the camera qualified it or not. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name)
}

/** All children with that local name, in order. */
export function childrenNamed(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((candidate) => candidate.name === name) ?? []
}

/** The element reached by following local names downwards. */
export function descend(element: XmlElement | undefined, ...names: string[]): XmlElement | undefined {
  return names.reduce<XmlElement | undefined>((at, name) => child(at, name), element)
}

/** The trimmed text of a child, or undefined where there is no such child. */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  return child(element, name)?.text.trim()
}

/** The value of an attribute by local name. */
export function attribute(element: XmlElement | undefined, name: string): string | undefined {
  return element?.attributes.find((candidate) => candidate.name === name)?.value
}

/** Text made safe for element content and attribute values. Throws for characters that XML 1.0 cannot carry. */
export function escapeXml(text: string): string {
  if (text.search(UNCARRIED) >= 0) {
    throw new RangeError('The text holds a character that XML cannot carry.')
  }
  return text.replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? character)
}

/** Writes an element again with every namespace declared where it is used, so that it can be moved into another document. */
export function serializeXml(element: XmlElement, extraAttributes = ''): string {
  const attributes = element.attributes.map(({ name, namespace, value }, index) =>
    namespace === ''
      ? ` ${name}="${escapeXml(value)}"`
      : ` xmlns:a${index}="${escapeXml(namespace)}" a${index}:${name}="${escapeXml(value)}"`,
  )
  const [tag, declaration] =
    element.namespace === ''
      ? [element.name, ' xmlns=""']
      : [`e:${element.name}`, ` xmlns:e="${escapeXml(element.namespace)}"`]
  const content = escapeXml(element.text) + element.children.map((each) => serializeXml(each)).join('')
  return `<${tag}${declaration}${attributes.join('')}${extraAttributes}>${content}</${tag}>`
}

/**
 * The characters that `serializeXml` writes of an element's own, before they are escaped. Every element repeats its namespace: of an
 * answer of 1 MB the camera can make one of gigabytes.
 */
export function serializedLength({ name, namespace, attributes, children, text }: XmlElement): number {
  const own = name.length + namespace.length + text.length
  const told = attributes.reduce((sum, each) => sum + each.name.length + each.namespace.length + each.value.length, 0)
  return children.reduce((sum, each) => sum + serializedLength(each), own + told)
}

// Everything but XML 1.0's Char (section 2.2).
const UNCARRIED = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' }
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

// A chain rather than a copied map: a root with thousands of declarations must not be copied for each of thousands of children.
type Scope = { declared: ReadonlyMap<string, string>; outer: Scope } | undefined

function namespaceOf(prefix: string, scope: Scope): string {
  for (let at = scope; at !== undefined; at = at.outer) {
    const namespace = at.declared.get(prefix)
    if (namespace !== undefined) return namespace
  }
  return ''
}

function readChildren(nodes: unknown, scope: Scope): { elements: XmlElement[]; text: string } {
  const elements: XmlElement[] = []
  let text = ''
  if (!Array.isArray(nodes)) return { elements, text }
  for (const node of nodes as Record<string, unknown>[]) {
    const tag = Object.keys(node).find((key) => key !== ':@')
    if (tag === undefined) continue
    const content = node[tag]
    if (tag === '#text') text += decodeEntities(String(content))
    else if (tag === '#cdata') text += plainText(content)
    else elements.push(readElement(tag, content, { scope, attributes: node[':@'] }))
  }
  return { elements, text }
}

function readElement(tag: string, content: unknown, context: { scope: Scope; attributes: unknown }): XmlElement {
  const raw = Object.entries((context.attributes ?? {}) as Record<string, unknown>).map(
    ([name, value]) => [name, decodeEntities(String(value))] as const,
  )
  const declared = raw.filter(([name]) => name === 'xmlns' || name.startsWith('xmlns:'))
  const scope: Scope =
    declared.length === 0
      ? context.scope
      : {
          declared: new Map(declared.map(([name, value]) => [name.slice('xmlns:'.length), value] as const)),
          outer: context.scope,
        }
  const attributes = raw
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .map(([name, value]) => {
      const { prefix, local } = splitName(name)
      return { name: local, namespace: prefix === '' ? '' : namespaceOf(prefix, scope), value }
    })
  const { prefix, local } = splitName(tag)
  const { elements, text } = readChildren(content, scope)
  return { name: local, namespace: namespaceOf(prefix, scope), attributes, children: elements, text }
}

function plainText(content: unknown): string {
  if (!Array.isArray(content)) return ''
  return (content as Record<string, unknown>[]).map((node) => String(node['#text'] ?? '')).join('')
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole
    const code = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16)
    return code <= 0x10ffff ? String.fromCodePoint(code).replace(UNCARRIED, '\ufffd') : '\ufffd'
  })
}

function splitName(name: string): { prefix: string; local: string } {
  const colon = name.indexOf(':')
  return colon < 0 ? { prefix: '', local: name } : { prefix: name.slice(0, colon), local: name.slice(colon + 1) }
}

function countTags(text: string): number {
  let count = 0
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) count += 1
  return count
}

function badXml(why: string, cause?: unknown): OnvifError {
  return new OnvifError('bad-reply', `The camera's answer is not usable XML: ${why}.`, { cause })
}
