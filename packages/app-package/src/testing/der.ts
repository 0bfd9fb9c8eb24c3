/** The few ASN.1 types in distinguished encoding (X.690) that a self-signed certificate is made of. */
export const der = {
  sequence: (...items: Buffer[]) => element(0x30, Buffer.concat(items)),
  set: (...items: Buffer[]) => element(0x31, Buffer.concat(items)),
  /** Wraps one item in a context-specific tag of that number. */
  explicit: (tag: number, item: Buffer) => element(0xa0 | tag, item),
  /** A non-negative integer from its big-endian bytes. */
  integer: (bytes: Buffer) => element(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes),
  bitString: (bytes: Buffer) => element(0x03, Buffer.concat([Buffer.of(0), bytes])),
  utf8: (text: string) => element(0x0c, Buffer.from(text, 'utf8')),
  /** `YYMMDDhhmmssZ` */
  utcTime: (text: string) => element(0x17, Buffer.from(text, 'latin1')),
  oid: (dotted: string) => element(0x06, encodeOid(dotted)),
  null: () => element(0x05, Buffer.alloc(0)),
}

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), encodeLength(content.length), content])
}

function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Buffer.of(0x80 | bytes.length, ...bytes)
}

function encodeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return Buffer.of(first * 40 + second, ...rest.flatMap(encodeBase128))
}

function encodeBase128(value: number): number[] {
  const digits = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(0x80 | (rest % 128))
  return digits
}
