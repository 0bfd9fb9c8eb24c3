/** Fields of a signing block. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** Bytes behind their length. */
export function prefixed(bytes: Buffer): Buffer {
  return Buffer.concat([u32(bytes.length), bytes])
}

/** Items behind their lengths, and all behind theirs. */
export function sequence(items: Buffer[]): Buffer {
  return prefixed(Buffer.concat(items.map(prefixed)))
}
