/** The little of DNS (RFC 1035) that a service answering by multicast (RFC 6762, 6763) needs. */
export interface DnsQuestion {
  name: string
  type: number
  /** The asker wants the answer sent to itself. */
  isUnicast: boolean
}

export interface DnsQuery {
  id: number
  questions: DnsQuestion[]
}

export type DnsRecord = { name: string; seconds: number } & (
  | { kind: 'ptr'; target: string }
  | { kind: 'srv'; target: string; port: number }
  | { kind: 'txt'; texts: readonly string[] }
  | { kind: 'a' | 'aaaa'; address: string }
)

export const types = { a: 1, ptr: 12, txt: 16, aaaa: 28, srv: 33, any: 255 }

const isReply = 0x8000
const authoritative = 0x0400
const classInternet = 1
/** In a question: answer by unicast. In a record: this is all there is of it. */
const topBit = 0x8000
const maxQuestions = 32
const maxJumps = 16

/** The questions of a query; null for anything else. */
export function readQuery(message: Buffer): DnsQuery | null {
  try {
    if (message.length < 12 || (message.readUInt16BE(2) & isReply) !== 0) return null
    const questions: DnsQuestion[] = []
    let at = 12
    for (let left = Math.min(message.readUInt16BE(4), maxQuestions); left > 0; left -= 1) {
      const { name, end } = readName(message, at)
      const questionClass = message.readUInt16BE(end + 2)
      questions.push({ name, type: message.readUInt16BE(end), isUnicast: (questionClass & topBit) !== 0 })
      at = end + 4
    }
    return { id: message.readUInt16BE(0), questions }
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = []
  let at = start
  let end: number | null = null
  for (let jumps = 0; jumps < maxJumps; ) {
    const length = message.readUInt8(at)
    if (length === 0) return { name: labels.join('.'), end: end ?? at + 1 }
    if ((length & 0xc0) === 0xc0) {
      end ??= at + 2
      at = message.readUInt16BE(at) & 0x3fff
      jumps += 1
      continue
    }
    labels.push(message.toString('utf8', at + 1, at + 1 + length))
    if (labels.length > 64) break
    at += 1 + length
  }
  throw new RangeError('A name does not end.')
}

export interface DnsReply {
  /** That of the query for askers of plain DNS; 0 by multicast. */
  id: number
  /** Repeated for askers of plain DNS. */
  questions: readonly DnsQuestion[]
  answers: readonly DnsRecord[]
  additional: readonly DnsRecord[]
}

export function writeReply({ id, questions, answers, additional }: DnsReply): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(isReply | authoritative, 2)
  header.writeUInt16BE(questions.length, 4)
  header.writeUInt16BE(answers.length, 6)
  header.writeUInt16BE(additional.length, 10)
  return Buffer.concat([
    header,
    ...questions.map(({ name, type }) => Buffer.concat([writeName(name), numbers(type, classInternet)])),
    ...[...answers, ...additional].map(writeRecord),
  ])
}

function writeRecord(record: DnsRecord): Buffer {
  const data = writeData(record)
  // Several cameras answer for a service type, one for everything else.
  const recordClass = record.kind === 'ptr' ? classInternet : classInternet | topBit
  const head = Buffer.alloc(10)
  head.writeUInt16BE(types[record.kind], 0)
  head.writeUInt16BE(recordClass, 2)
  head.writeUInt32BE(record.seconds, 4)
  head.writeUInt16BE(data.length, 8)
  return Buffer.concat([writeName(record.name), head, data])
}

function writeData(record: DnsRecord): Buffer {
  switch (record.kind) {
    case 'ptr':
      return writeName(record.target)
    case 'srv':
      return Buffer.concat([numbers(0, 0, record.port), writeName(record.target)])
    case 'txt':
      return Buffer.concat(record.texts.map(writeText))
    case 'a':
      return Buffer.from(record.address.split('.').map(Number))
    case 'aaaa':
      return writeIpv6(record.address)
  }
}

function writeIpv6(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (text = '') => text.split(':').filter((group) => group !== '')
  const [before, after] = [groups(head), groups(tail)]
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  return numbers(...[...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16)))
}

const writeName = (name: string) => Buffer.concat([...name.split('.').map(writeText), Buffer.of(0)])

function writeText(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2)
  return bytes
}
