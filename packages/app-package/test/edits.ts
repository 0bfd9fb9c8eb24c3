import fc from 'fast-check'

export type Edit =
  | { kind: 'flip'; at: number; bit: number }
  | { kind: 'overwrite'; at: number; value: number }
  | { kind: 'cut'; at: number }
  | { kind: 'remove'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number }

/** Positions are parts of a million of the length, so that one generator serves files of every size. */
const position = fc.nat({ max: 999_999 })
const length = fc.integer({ min: 1, max: 64 })
const telling = fc.constantFrom(0, 1, 7, 8, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff)
const flip = fc.record({ kind: fc.constant('flip' as const), at: position, bit: fc.nat({ max: 7 }) })
const overwrite = fc.record({ kind: fc.constant('overwrite' as const), at: position, value: telling })
const cut = fc.record({ kind: fc.constant('cut' as const), at: position })
const remove = fc.record({ kind: fc.constant('remove' as const), at: position, length })
const repeat = fc.record({ kind: fc.constant('repeat' as const), at: position, length })
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 5, arbitrary: flip },
  { weight: 5, arbitrary: overwrite },
  { weight: 1, arbitrary: cut },
  { weight: 1, arbitrary: remove },
  { weight: 1, arbitrary: repeat },
)
/** One to four random changes of a file. */
export const edits = fc.array(edit, { minLength: 1, maxLength: 4 })

export function apply(bytes: Buffer, change: Edit): Buffer {
  const at = Math.floor((bytes.length * change.at) / 1_000_000)
  const copy = Buffer.from(bytes)
  switch (change.kind) {
    case 'flip':
      if (at < copy.length) copy.writeUInt8(copy.readUInt8(at) ^ (1 << change.bit), at)
      return copy
    case 'overwrite': {
      // Fields of both formats lie on multiples of two at least.
      const even = at & ~1
      if (even + 4 <= copy.length) copy.writeUInt32LE(change.value, even)
      return copy
    }
    case 'cut':
      return copy.subarray(0, at)
    case 'remove':
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + change.length)])
    case 'repeat':
      return Buffer.concat([copy.subarray(0, at + change.length), copy.subarray(at)])
  }
}
