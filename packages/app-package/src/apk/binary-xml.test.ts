import { describe, expect, test } from 'vitest'
import { writeBinaryXml, type XmlSpec } from '../testing/binary-xml-writer.ts'
import { readElements } from './binary-xml.ts'

const document = writeBinaryXml({
  name: 'root',
  attributes: [{ name: 'size', value: 3 }],
  children: [{ name: 'child', attributes: [{ name: 'size', value: 'x' }] }],
})

interface ChunkAt {
  at: number
  type: number
  size: number
}

function chunks(bytes: Buffer): ChunkAt[] {
  const found: ChunkAt[] = []
  for (let at = 8; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
    found.push({ at, type: bytes.readUInt16LE(at), size: bytes.readUInt32LE(at + 4) })
  }
  return found
}

function firstOf(bytes: Buffer, type: number): ChunkAt {
  const chunk = chunks(bytes).find((candidate) => candidate.type === type)
  if (chunk === undefined) throw new Error(`No chunk of type ${type}.`)
  return chunk
}

function withU32(at: number, value: number): Buffer {
  const copy = Buffer.from(document)
  copy.writeUInt32LE(value >>> 0, at)
  return copy
}

/** Repeats or drops a chunk and makes the outer size fit again. */
function withChunks(keep: (chunk: ChunkAt) => number): Buffer {
  const body = chunks(document).flatMap((chunk) => {
    const bytes = document.subarray(chunk.at, chunk.at + chunk.size)
    return Array.from({ length: keep(chunk) }, () => bytes)
  })
  const copy = Buffer.concat([document.subarray(0, 8), ...body])
  copy.writeUInt32LE(copy.length, 4)
  return copy
}

const walk = (bytes: Buffer) => [...readElements(bytes)].map(({ depth, name }) => `${depth} ${name}`)
const refused = expect.objectContaining({ code: 'manifest-invalid' })

test('elements come in the order of the document, with their depth', () => {
  expect(walk(document)).toEqual(['1 root', '2 child'])
})

test('bytes after the document are not read', () => {
  expect(walk(Buffer.concat([document, Buffer.from('padding')]))).toEqual(['1 root', '2 child'])
})

test('chunks of unknown type are skipped', () => {
  const namespace = firstOf(document, 0x0100)
  const copy = Buffer.from(document)
  copy.writeUInt16LE(0x0199, namespace.at)
  expect(walk(copy)).toEqual(['1 root', '2 child'])
})

describe('hostile structure', () => {
  const element = firstOf(document, 0x0102)
  const pool = firstOf(document, 0x0001)
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no compiled XML', Buffer.from('<?xml version="1.0"?><manifest/>')],
    ['an outer chunk longer than the file', withU32(4, document.length + 1)],
    ['a chunk of size zero', withU32(element.at + 4, 0)],
    ['a chunk smaller than its header', withU32(element.at + 4, 8)],
    ['a chunk longer than the document', withU32(element.at + 4, 0x7fffffff)],
    ['a chunk longer than an integer', withU32(element.at + 4, 0xffffffff)],
    ['a header larger than its chunk', withU32(element.at, 0x0102 | (0xffff << 16))],
    ['a header too small', withU32(element.at, 0x0102 | (7 << 16))],
    ['an element header without its fields', withU32(element.at, 0x0102 | (8 << 16))],
    ['attributes of size zero', withU32(element.at + 24, 20)],
    ['more attributes than there are bytes', withU32(element.at + 28, 0xffff)],
    ['attributes that begin past the end', withU32(element.at + 24, 0xffff | (20 << 16))],
    ['a name that is not in the pool', withU32(element.at + 20, 0x00ffffff)],
    ['a pool of more strings than bytes', withU32(pool.at + 8, 0x40000000)],
    ['strings that begin past the end', withU32(pool.at + 20, 0xfffffff0)],
    ['two pools', withChunks(({ type }) => (type === 0x0001 ? 2 : 1))],
    ['two maps of ids', withChunks(({ type }) => (type === 0x0180 ? 2 : 1))],
    ['no pool', withChunks(({ type }) => (type === 0x0001 ? 0 : 1))],
    ['elements that never end', withChunks(({ type }) => (type === 0x0103 ? 0 : 1))],
    ['elements that end twice', withChunks(({ type }) => (type === 0x0103 ? 2 : 1))],
    ['a cut', document.subarray(0, document.length - 1)],
  ])('%s is refused', (_what, bytes) => {
    expect(() => walk(bytes)).toThrow(refused)
  })

  test('every offset of a string into nowhere is refused', () => {
    for (const offset of [0x00ffffff, 0x7fffffff, 0xffffffff]) {
      expect(() => walk(withU32(pool.at + 28 + 4 * 2, offset))).toThrow(refused)
    }
  })

  test('nesting has an end', () => {
    const nest = (depth: number): XmlSpec => ({ name: 'n', children: depth === 1 ? [] : [nest(depth - 1)] })
    expect(walk(writeBinaryXml(nest(1000)))).toHaveLength(1000)
    expect(() => walk(writeBinaryXml(nest(1001)))).toThrow(refused)
  })

  test('ten thousand elements named by one string of megabytes cost nothing', () => {
    const name = 'x'.repeat(1_500_000)
    const children = Array.from({ length: 10_000 }, () => ({ name }))
    const bytes = writeBinaryXml({ name: 'root', children }, { encoding: 'utf16' })
    const startedAt = performance.now()
    expect(walk(bytes)).toHaveLength(10_001)
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
