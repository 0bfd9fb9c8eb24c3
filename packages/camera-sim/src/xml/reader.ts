import { XMLParser, XMLValidator } from 'fast-xml-parser'

export interface XmlAttribute {
  readonly namespace: string
  readonly name: string
  readonly value: string
}

/** An element with its names resolved; `scope` keeps the prefixes in force, for QNames inside text. */
export interface XmlElement {
  readonly namespace: string
  readonly name: string
  readonly qualifiedName: string
  readonly attributes: readonly XmlAttribute[]
  readonly children: readonly XmlElement[]
  readonly text: string
  readonly scope: ReadonlyMap<string, string>
}

/** The text is no XML document that a SOAP node may take (SOAP 1.2 forbids document type declarations). */
export class XmlError extends Error {
  readonly code = 'not-well-formed'
  override readonly name = 'XmlError'
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  trimValues: false,
  // Decoded here instead: this library leaves numeric references alone and expands document type declarations.
  processEntities: false,
  cdataPropName: '#cdata',
  maxNestedTags: 64,
})

const xmlScope: ReadonlyMap<string, string> = new Map([['xml', 'http://www.w3.org/XML/1998/namespace']])

/** Reads one document and gives its root element. Throws XmlError. */
export function readXml(text: string): XmlElement {
  if (/<!DOCTYPE/i.test(text)) throw new XmlError('A document type declaration is not allowed.')
  const verdict = XMLValidator.validate(text)
  if (verdict !== true) throw new XmlError(verdict.err.msg)
  // The library drops text behind the root without a word.
  if (text.slice(text.lastIndexOf('>') + 1).trim() !== '') throw new XmlError('There is text behind the root element.')
  const roots = parseNodes(text).filter((node) => isElement(node.key))
  const [root] = roots
  if (root === undefined || roots.length > 1) throw new XmlError('A document has exactly one root element.')
  return toElement(root, xmlScope)
}

/** The first child with that local name, whatever its namespace: firmware and clients disagree about qualifying. */
export function childNamed(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name)
}

/** Text of the first child with that local name; undefined when there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  return childNamed(element, name)?.text
}

export function attributeNamed(element: XmlElement, name: string): string | undefined {
  return element.attributes.find((attribute) => attribute.name === name)?.value
}

interface Node {
  key: string
  content: unknown
  attributes: Record<string, unknown>
}

function parseNodes(text: string): Node[] {
  try {
    return toNodes(parser.parse(text))
  } catch (error) {
    throw new XmlError('The document cannot be read.', { cause: error })
  }
}

function toNodes(list: unknown): Node[] {
  if (!Array.isArray(list)) return []
  return list.filter(isRecord).flatMap((entry) => {
    const key = Object.keys(entry).find((name) => name !== ':@')
    const attributes = entry[':@']
    return key === undefined ? [] : [{ key, content: entry[key], attributes: isRecord(attributes) ? attributes : {} }]
  })
}

function toElement(node: Node, outer: ReadonlyMap<string, string>): XmlElement {
  const attributes = Object.entries(node.attributes).map(([name, value]) => [name, decode(String(value))] as const)
  const scope = declare(attributes, outer)
  const nodes = toNodes(node.content)
  const own = resolve(node.key, scope, scope.get('') ?? '')
  return {
    ...own,
    qualifiedName: node.key,
    attributes: attributes
      .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
      .map(([name, value]) => ({ ...resolve(name, scope, ''), value })),
    children: nodes.filter((child) => isElement(child.key)).map((child) => toElement(child, scope)),
    text: nodes.map(textOf).join(''),
    scope,
  }
}

function declare(
  attributes: readonly (readonly [string, string])[],
  outer: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const declared = attributes.filter(([name]) => name === 'xmlns' || name.startsWith('xmlns:'))
  if (declared.length === 0) return outer
  return new Map([...outer, ...declared.map(([name, uri]) => [name.slice(6), uri] as const)])
}

function resolve(name: string, scope: ReadonlyMap<string, string>, fallback: string) {
  const colon = name.indexOf(':')
  if (colon < 0) return { namespace: fallback, name }
  const namespace = scope.get(name.slice(0, colon))
  if (namespace === undefined) throw new XmlError(`The prefix of ${name} is not declared.`)
  return { namespace, name: name.slice(colon + 1) }
}

function textOf(node: Node): string {
  if (node.key === '#text') return decode(String(node.content))
  if (node.key !== '#cdata') return ''
  return toNodes(node.content)
    .map((part) => String(part.content))
    .join('')
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decode(text: string): string {
  return text.replace(/&(?:([^;&]{1,12});)?/g, (whole, reference: string | undefined) => {
    const character = reference === undefined ? undefined : decodeReference(reference)
    if (character === undefined) throw new XmlError(`The reference ${whole} means nothing.`)
    return character
  })
}

function decodeReference(reference: string): string | undefined {
  if (Object.hasOwn(named, reference)) return named[reference]
  const digits = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference)
  if (digits === null) return undefined
  const point = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16)
  const isAllowed = point === 9 || point === 10 || point === 13 || (point >= 32 && point <= 0x10ffff)
  return isAllowed && !(point >= 0xd800 && point <= 0xdfff) ? String.fromCodePoint(point) : undefined
}

function isElement(key: string): boolean {
  return !key.startsWith('#') && !key.startsWith('?')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
