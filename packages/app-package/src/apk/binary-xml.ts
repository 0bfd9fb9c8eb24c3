import { PackageError } from '../package-error.ts'
import { readStringPool, type StringPool } from './string-pool.ts'

/** Value of an attribute as compiled. `integer` is unsigned, 32 bits; a `reference` stands for a resource. */
export type AttributeValue =
  | { kind: 'string'; text: string | null }
  | { kind: 'integer'; value: number }
  | { kind: 'reference' }
  | { kind: 'other' }

export interface XmlElement {
  /** 1 for the root. */
  depth: number
  /** Null when longer than any name of interest. */
  name: string | null
  /**
   * The attribute with that Android resource id, or, in a document without a map of ids, with that name. Null when the
   * element has none; throws when it has two. A text longer than `maxLength` has the value null.
   */
  attribute(wanted: { id: number | null; name: string; maxLength: number }): AttributeValue | null
}

interface Chunk {
  type: number
  headerSize: number
  bytes: Buffer
}

interface Attribute {
  namespaceIndex: number
  nameIndex: number
  valueType: number
  data: number
}

// AOSP ResourceTypes.h
const stringPoolType = 0x0001
const xmlType = 0x0003
const startElementType = 0x0102
const endElementType = 0x0103
const resourceMapType = 0x0180
const attributeSize = 20
const none = 0xffffffff
const maxNameLength = 64
const maxDepth = 1000

/**
 * Walks a compiled XML document (AXML). Every chunk lies inside the document and moves the walk forward, so the work is
 * linear in the size of the document. Throws PackageError `manifest-invalid` for anything else.
 */
export function* readElements(document: Buffer): Generator<XmlElement> {
  const outer = readChunk(document, 0)
  if (outer.type !== xmlType) throw damaged('it is not a compiled XML document')
  let pool: StringPool | null = null
  let resourceIds: number[] | null = null
  let depth = 0
  for (let at = outer.headerSize; at < outer.bytes.length; ) {
    const chunk = readChunk(outer.bytes, at)
    at += chunk.bytes.length
    if (chunk.type === stringPoolType) {
      if (pool !== null) throw damaged('it has two string pools')
      pool = readStringPool(chunk.bytes)
    } else if (chunk.type === resourceMapType) {
      if (resourceIds !== null) throw damaged('it has two maps of resource ids')
      resourceIds = readResourceIds(chunk)
    } else if (chunk.type === startElementType) {
      if (pool === null) throw damaged('an element comes before the strings')
      depth += 1
      if (depth > maxDepth) throw damaged('its elements are nested too deep')
      yield readElement(chunk, { depth, pool, resourceIds })
    } else if (chunk.type === endElementType) {
      depth -= 1
      if (depth < 0) throw damaged('an element ends that never began')
    }
  }
  if (depth !== 0) throw damaged('an element never ends')
}

function readElement(
  chunk: Chunk,
  context: { depth: number; pool: StringPool; resourceIds: number[] | null },
): XmlElement {
  const { bytes, headerSize } = chunk
  const { depth, pool, resourceIds } = context
  if (headerSize < 16 || headerSize + 20 > bytes.length) throw damaged('an element is cut off')
  const start = headerSize + bytes.readUInt16LE(headerSize + 8)
  const stride = bytes.readUInt16LE(headerSize + 10)
  const count = bytes.readUInt16LE(headerSize + 12)
  if (count > 0 && (stride < attributeSize || start + stride * count > bytes.length)) {
    throw damaged('the attributes of an element reach past its end')
  }
  function attributes(): Attribute[] {
    return Array.from({ length: count }, (_, index) => readAttribute(bytes, start + stride * index))
  }
  function isWanted(attribute: Attribute, id: number | null, name: string): boolean {
    // Android looks its own attributes up by id alone; names are free, and packers do scramble them.
    if (id !== null && resourceIds !== null) return resourceIds[attribute.nameIndex] === id
    const isPlain = attribute.namespaceIndex === none
    return isPlain === (id === null) && pool.text(attribute.nameIndex, maxNameLength) === name
  }
  return {
    depth,
    name: pool.text(bytes.readUInt32LE(headerSize + 4), maxNameLength),
    attribute({ id, name, maxLength }) {
      const [found, second] = attributes().filter((attribute) => isWanted(attribute, id, name))
      if (second !== undefined) throw damaged(`the attribute ${name} is there twice`)
      return found === undefined ? null : readValue(found, pool, maxLength)
    },
  }
}

function readAttribute(bytes: Buffer, at: number): Attribute {
  return {
    namespaceIndex: bytes.readUInt32LE(at),
    nameIndex: bytes.readUInt32LE(at + 4),
    valueType: bytes.readUInt8(at + 15),
    data: bytes.readUInt32LE(at + 16),
  }
}

function readValue({ valueType, data }: Attribute, pool: StringPool, maxLength: number): AttributeValue {
  switch (valueType) {
    case 0x01: // TYPE_REFERENCE
    case 0x07: // TYPE_DYNAMIC_REFERENCE
      return { kind: 'reference' }
    case 0x03: // TYPE_STRING
      return { kind: 'string', text: pool.text(data, maxLength) }
    case 0x10: // TYPE_INT_DEC
    case 0x11: // TYPE_INT_HEX
      return { kind: 'integer', value: data }
    default:
      return { kind: 'other' }
  }
}

function readResourceIds({ bytes, headerSize }: Chunk): number[] {
  const count = Math.floor((bytes.length - headerSize) / 4)
  return Array.from({ length: count }, (_, index) => bytes.readUInt32LE(headerSize + 4 * index))
}

function readChunk(bytes: Buffer, at: number): Chunk {
  if (at + 8 > bytes.length) throw damaged('a chunk is cut off')
  const type = bytes.readUInt16LE(at)
  const headerSize = bytes.readUInt16LE(at + 2)
  const size = bytes.readUInt32LE(at + 4)
  if (headerSize < 8 || size < headerSize || at + size > bytes.length) {
    throw damaged('a chunk has an impossible size')
  }
  return { type, headerSize, bytes: bytes.subarray(at, at + size) }
}

function damaged(what: string): PackageError {
  return new PackageError('manifest-invalid', `The manifest is damaged: ${what}.`)
}
