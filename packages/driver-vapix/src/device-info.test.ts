import { expect, test } from 'vitest'
import { readDeviceProperties, readSystemState } from './device-info.ts'
import { replyOf, webPage } from './reply-fixture.ts'

const json = (content: unknown) => replyOf(JSON.stringify(content))

test('properties are read with and without the fields that answers without a login leave out', () => {
  const propertyList = { SerialNumber: 'ACCC8E123456', Version: '10.12.338', ProdNbr: 'M1065-LW', BuildDate: 3 }
  const properties = readDeviceProperties(json({ apiVersion: '1.3', data: { propertyList } }))
  expect(Object.fromEntries(properties)).toEqual({
    SerialNumber: 'ACCC8E123456',
    Version: '10.12.338',
    ProdNbr: 'M1065-LW',
  })
})

test.each([
  [2001, 'refused'],
  [2004, 'unsupported'],
  [8000, 'busy'],
  [1000, 'refused'],
])('the error %i, sent with status 200, is %s', (code, expected) => {
  const reply = json({ apiVersion: '1.0', error: { code, message: 'Something' } })
  expect(() => readDeviceProperties(reply)).toThrow(
    expect.objectContaining({ code: expected, deviceCode: `${code}: Something` }),
  )
})

test.each([
  ['a web page', webPage],
  ['no JSON', replyOf('Ready.')],
  ['no properties', json({ data: {} })],
  ['a list', json([])],
])('%s is a bad reply', (_, reply) => {
  expect(() => readDeviceProperties(reply)).toThrow(expect.objectContaining({ code: 'bad-reply' }))
})

test('a camera that was never set up says so, with the id of its start', () => {
  const data = { systemready: 'no', needsetup: 'yes', uptime: '65', bootid: 'boot-1', previewmode: '7200' }
  expect(readSystemState(json({ apiVersion: '1.4', method: 'systemready', data }))).toEqual({
    isReady: false,
    needsSetup: true,
    bootId: 'boot-1',
  })
})

test('AXIS OS 10 tells no id of its start', () => {
  const data = { systemready: 'yes', needsetup: 'no' }
  expect(readSystemState(json({ data }))).toEqual({ isReady: true, needsSetup: false, bootId: null })
  expect(() => readSystemState(json({ data: {} }))).toThrow(expect.objectContaining({ code: 'bad-reply' }))
})
