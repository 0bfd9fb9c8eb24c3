/** An element to compile. Attributes with an `id` get Android's name space and a place in the map of resource ids. */
export interface XmlSpec {
  name: string
  attributes?: XmlAttributeSpec[]
  children?: XmlSpec[]
}

export interface XmlAttributeSpec {
  name: string
  id?: number
  value: string | number | { reference: number }
}

export interface XmlWriterOptions {
  encoding?: 'utf8' | 'utf16'
  /** False leaves out the map of resource ids, as very old tools did. */
  withResourceIds?: boolean
}

const androidNamespace = 'http://schemas.android.com/apk/res/android'
const none = 0xffffffff

/** Compiles a document to Android's binary XML, as far as manifests need it. */
export function writeBinaryXml(root: XmlSpec, options: XmlWriterOptions = {}): Buffer {
  const { encoding = 'utf8', withResourceIds = true } = options
  const ids = collectIds(root)
  // The map of ids runs parallel to the first strings, so names with an id come before all others.
  const strings = createIndex([...ids.keys()])
  const body = [namespaceChunk(0x0100, strings), ...elementChunks(root, strings), namespaceChunk(0x0101, strings)]
  const map = chunk(0x0180, Buffer.alloc(0), u32(...ids.values()))
  const pool = stringPool(strings.all(), encoding)
  return chunk(0x0003, Buffer.alloc(0), Buffer.concat([pool, ...(withResourceIds ? [map] : []), ...body]))
}

interface StringIndex {
  of(text: string): number
  all(): string[]
}

function createIndex(first: string[]): StringIndex {
  const known = new Map(first.map((text, index) => [text, index]))
  return {
    of(text) {
      const index = known.get(text) ?? known.size
      known.set(text, index)
      return index
    },
    all: () => [...known.keys()],
  }
}

function collectIds(element: XmlSpec, ids = new Map<string, number>()): Map<string, number> {
  for (const { name, id } of element.attributes ?? []) if (id !== undefined) ids.set(name, id)
  for (const child of element.children ?? []) collectIds(child, ids)
  return ids
}

function elementChunks(element: XmlSpec, strings: StringIndex): Buffer[] {
  const { name, attributes = [], children = [] } = element
  const head = Buffer.concat([u32(none, strings.of(name)), u16(20, 20, attributes.length, 0, 0, 0)])
  const written = attributes.map((attribute) => writeAttribute(attribute, strings))
  return [
    chunk(0x0102, u32(1, none), Buffer.concat([head, ...written])),
    ...children.flatMap((child) => elementChunks(child, strings)),
    chunk(0x0103, u32(1, none), u32(none, strings.of(name))),
  ]
}

function writeAttribute({ name, id, value }: XmlAttributeSpec, strings: StringIndex): Buffer {
  const names = u32(id === undefined ? none : strings.of(androidNamespace), strings.of(name))
  if (typeof value === 'string') {
    const index = strings.of(value)
    return Buffer.concat([names, u32(index), u16(8), Buffer.of(0, 0x03), u32(index)])
  }
  const [type, data] = typeof value === 'number' ? [0x10, value] : [0x01, value.reference]
  return Buffer.concat([names, u32(none), u16(8), Buffer.of(0, type), u32(data)])
}

function namespaceChunk(type: number, strings: StringIndex): Buffer {
  return chunk(type, u32(1, none), u32(strings.of('android'), strings.of(androidNamespace)))
}

function stringPool(strings: string[], encoding: 'utf8' | 'utf16'): Buffer {
  const encoded = strings.map(encoding === 'utf8' ? encodeUtf8 : encodeUtf16)
  let end = 0
  const offsets = encoded.map((bytes) => {
    const start = end
    end += bytes.length
    return start
  })
  const padding = Buffer.alloc((4 - (end % 4)) % 4)
  const flags = encoding === 'utf8' ? 1 << 8 : 0
  const header = u32(strings.length, 0, flags, 28 + 4 * strings.length, 0)
  return chunk(0x0001, header, Buffer.concat([u32(...offsets), ...encoded, padding]))
}

function encodeUtf8(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length = (value: number) => (value < 0x80 ? Buffer.of(value) : Buffer.of(0x80 | (value >> 8), value & 0xff))
  return Buffer.concat([length(text.length), length(bytes.length), bytes, Buffer.of(0)])
}

function encodeUtf16(text: string): Buffer {
  const length = text.length < 0x8000 ? u16(text.length) : u16(0x8000 | (text.length >> 16), text.length & 0xffff)
  return Buffer.concat([length, Buffer.from(text, 'utf16le'), u16(0)])
}

function chunk(type: number, restOfHeader: Buffer, body: Buffer): Buffer {
  const headerSize = 8 + restOfHeader.length
  return Buffer.concat([u16(type, headerSize), u32(headerSize + body.length), restOfHeader, body])
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16LE(value, 2 * index)
  return bytes
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index)
  return bytes
}
