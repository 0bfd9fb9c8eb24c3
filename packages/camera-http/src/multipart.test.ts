import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { multipartType, wrapFile, wrapText } from './multipart.ts'

const part = { name: 'packfil', fileName: 'counter.eap', contentType: 'application/octet-stream' }

test('a file is one part of a form whose length is known before it is read', async () => {
  const content = Buffer.alloc(200_000, 'x')
  const body = wrapFile(part, { open: () => Readable.from([content]), size: content.length }, 'mark')
  const sent = await buffer(body.open())
  expect(sent).toHaveLength(body.size)
  const form = await new Response(new Uint8Array(sent), {
    headers: { 'Content-Type': multipartType('mark') },
  }).formData()
  const file = form.get('packfil') as File
  expect([file.name, file.type, file.size]).toEqual(['counter.eap', 'application/octet-stream', content.length])
})

test('progress counts the file, not its frame', () => {
  const told: number[] = []
  const body = wrapFile(
    part,
    { open: () => Readable.from([]), size: 10, onProgress: (sent) => told.push(sent) },
    'mark',
  )
  const frame = body.size - 10
  for (const sent of [0, 5, frame, body.size]) body.onProgress?.(sent)
  expect(told[0]).toBe(0)
  expect(told.at(-1)).toBe(10)
  expect(Math.max(...told)).toBe(10)
})

test('a text is wrapped alike', async () => {
  const sent = wrapText({ ...part, fileName: 'key.xml' }, '<key>ü</key>', 'mark')
  const form = await new Response(new Uint8Array(sent), {
    headers: { 'Content-Type': multipartType('mark') },
  }).formData()
  expect(await (form.get('packfil') as File).text()).toBe('<key>ü</key>')
})
