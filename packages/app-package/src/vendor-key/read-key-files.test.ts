import { randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { ZipFile } from 'yazl'
import { readKeyFiles } from './read-key-files.ts'
import { deviceIdOfFileName, maxKeyBytes, readVendorKey } from './vendor-key.ts'

const mtime = new Date(0)
const keyOf = (deviceId: string) => `<?xml version="1.0"?>\n<Key><DeviceID>${deviceId}</DeviceID></Key>\n`
const signal = new AbortController().signal

async function zipOf(files: Record<string, string | Buffer>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content as string), name, { mtime })
  zip.end()
  return buffer(zip.outputStream)
}

const read = (bytes: Buffer, name = 'key.xml') => readKeyFiles(bytes, { name, signal })

/** The form of real keys, as far as it is public. */
const realKey = (deviceId: string, expires: string) => `<LicenseKey>
    <Info></Info>
    <FormatVersion>1</FormatVersion>
    <ApplicationID>415129</ApplicationID>
    <MinimumMajorVersion>-1</MinimumMajorVersion>
    <MinimumMinorVersion>-1</MinimumMinorVersion>
    <MaximumMajorVersion>-1</MaximumMajorVersion>
    <MaximumMinorVersion>-1</MaximumMinorVersion>
    <ExpirationDate>${expires}</ExpirationDate>
    <DeviceID>${deviceId}</DeviceID>
    <SignatureKeyID>1</SignatureKeyID>
    <Signature>c2lnbmF0dXJl</Signature>
</LicenseKey>
`

test.each([
  ['with an end', realKey('ACCC8E123456', '2030-05-31'), '2030-05-31'],
  ['without end', realKey('accc8e123456', '0'), null],
  ['without a line break', realKey('ACCC8E123456', '2030-05-31').replaceAll(/\n */g, ''), '2030-05-31'],
])('a key %s says its device, its app and its end', (_what, text, expires) => {
  const facts = { content: text, deviceId: 'ACCC8E123456', applicationId: '415129', expires }
  expect(readVendorKey(Buffer.from(text))).toEqual({ kind: 'key', key: facts })
})

test.each([
  ['two devices', '<k><DeviceID>ACCC8E000001</DeviceID><DeviceID>ACCC8E000002</DeviceID></k>'],
  ['what is no date', '<k><ExpirationDate>2030-02-31</ExpirationDate></k>'],
  ['other names', '<k deviceId="ACCC8E000001"><serial>ACCC8E000002</serial><expires>2030-05-31</expires></k>'],
])('a key that says %s says nothing', (_what, text) => {
  expect(readVendorKey(Buffer.from(text))).toMatchObject({
    key: { deviceId: null, expires: null, applicationId: null },
  })
})

test('a byte order mark and line ends stay, since the vendor signed them', () => {
  const text = '\uFEFF<?xml version="1.0"?>\r\n<k><deviceId>ACCC8E000001</deviceId></k>\r\n'
  expect(readVendorKey(Buffer.from(text))).toMatchObject({ kind: 'key', key: { content: text } })
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['no XML', Buffer.from('AAAA-BBBB')],
  ['half of a key', Buffer.from(keyOf('ACCC8E000001').slice(0, -6))],
  ['a zero byte', Buffer.from('<k>\0</k>')],
  ['no UTF-8', Buffer.from([0x3c, 0x6b, 0x3e, 0xff, 0x3c, 0x2f, 0x6b, 0x3e])],
  ['UTF-16', Buffer.from(keyOf('ACCC8E000001'), 'utf16le')],
  ['a document type, which could refer to other files', Buffer.from('<!DOCTYPE k SYSTEM "file:///etc/passwd"><k></k>')],
  ['too much', Buffer.from(`<k>${' '.repeat(maxKeyBytes)}</k>`)],
])('%s is damaged', (_what, bytes) => {
  expect(readVendorKey(bytes)).toMatchObject({ kind: 'damaged' })
})

test.each([
  ['a run of blanks', `<k>${' '.repeat(60_000)}</k>`],
  ['tags that never end', `<k>${'<a '.repeat(20_000)}</k>`],
  ['names that never end', `<k ${'a'.repeat(60_000)}></k>`],
  ['attributes that never end', `<k ${'a="'.repeat(20_000)}></k>`],
])('%s takes no longer than its length', (_what, text) => {
  const before = performance.now()
  readVendorKey(Buffer.from(text))
  expect(performance.now() - before).toBeLessThan(1_000)
})

test.each([
  ['ACCC8E123456.xml', 'ACCC8E123456'],
  ['key_ac-cc-8e-12-34-56.lic', 'ACCC8E123456'],
  ['ACCC8E123456_accc8e123456.xml', 'ACCC8E123456'],
  ['ACCC8E123456_B8A44F000001.xml', null],
  ['1ACCC8E123456.xml', null],
  ['key.xml', null],
])('the file name %s names %s', (name, deviceId) => {
  expect(deviceIdOfFileName(name)).toBe(deviceId)
})

test('a single file keeps the name that it was given', async () => {
  expect(await read(Buffer.from(keyOf('ACCC8E000001')), 'a.xml')).toMatchObject([
    { name: 'a.xml', reading: { kind: 'key' } },
  ])
})

test('of a ZIP file every file is read, and what is no key is told beside the others', async () => {
  const files = await read(
    await zipOf({
      'keys/a.xml': keyOf('ACCC8E000001'),
      'keys/b.xml': 'no key',
      '__MACOSX/keys/._a.xml': 'x',
      'keys/.DS_Store': 'x',
      'bomb.xml': Buffer.alloc(50_000_000),
    }),
  )
  expect(files.map(({ name, reading }) => `${name} ${reading.kind}`)).toEqual([
    'a.xml key',
    'b.xml damaged',
    'bomb.xml damaged',
  ])
})

test('names that lead elsewhere are names only', async () => {
  const zip = await zipOf({ 'xx/xx/a.xml': keyOf('ACCC8E000001') })
  const hostile = Buffer.from(zip.toString('latin1').replaceAll('xx/xx/a.xml', '../../a.xml'), 'latin1')
  expect(await read(hostile)).toMatchObject([{ name: 'a.xml' }])
})

test('a file that lies about its size is damaged, and the others are read', async () => {
  const zip = await zipOf({ 'a.xml': Buffer.alloc(1_000_000, ' '), 'b.xml': keyOf('ACCC8E000001') })
  const central = zip.indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
  zip.writeUInt32LE(100, central + 24)
  expect((await read(zip)).map(({ reading }) => reading.kind)).toEqual(['damaged', 'key'])
})

test('archives that are damaged, empty, or hold too many files are refused', async () => {
  const zip = await zipOf({ 'a.xml': keyOf('ACCC8E000001'), 'b.xml': keyOf('ACCC8E000002') })
  await expect(read(zip.subarray(0, -30))).rejects.toMatchObject({ name: 'PackageError', code: 'not-a-package' })
  await expect(read(await zipOf({ '.hidden': '' }))).rejects.toMatchObject({ code: 'not-a-package' })
  await expect(readKeyFiles(zip, { name: 'x', signal, maxFiles: 1 })).rejects.toMatchObject({ code: 'too-complex' })
})

test('random damage never ends in anything but a refusal', async () => {
  const zip = await zipOf({ 'a.xml': keyOf('ACCC8E000001'), 'b.xml': randomBytes(500) })
  for (let at = 4; at < zip.length; at++) {
    const broken = Buffer.from(zip)
    broken[at] = (broken[at] ?? 0) ^ 0xff
    await read(broken).catch((error: unknown) => expect(error).toMatchObject({ name: 'PackageError' }))
  }
})

test('reading ends when it is aborted', async () => {
  const zip = await zipOf({ 'a.xml': keyOf('ACCC8E000001') })
  const reason = new Error('gone')
  await expect(readKeyFiles(zip, { name: 'x', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
