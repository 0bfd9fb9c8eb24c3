import { expect, test } from 'vitest'
import { readAppList, toInstalledApp } from './app-entry.ts'
import { replyOf, webPage } from './reply-fixture.ts'

const list = (applications: string) => readAppList(replyOf(`<reply result="ok">\n${applications}</reply>`))
const badReply = expect.objectContaining({ code: 'bad-reply' })

test('a camera without apps lists none', () => {
  expect(list('')).toEqual([])
  expect(readAppList(replyOf('<reply result="ok" />'))).toEqual([])
})

test('one app is a list too, with everything that old cameras tell', () => {
  expect(
    list(
      ' <application Name="vmd" NiceName="AXIS Video Motion Detection" Vendor="Axis Communications" Version="4.5-2" ' +
        'ApplicationID="143440" License="None" Status="Running" ConfigurationPage="local/vmd/config.html" />\n',
    ),
  ).toEqual([
    {
      ...{ name: 'vmd', niceName: 'AXIS Video Motion Detection', vendor: 'Axis Communications', version: '4.5-2' },
      ...{ applicationId: '143440', status: 'Running', license: 'None', licenseExpires: null },
    },
  ])
})

test('the name alone is enough', () => {
  const [entry] = list('<application Name="bare"/>')
  expect(entry).toMatchObject({ name: 'bare', niceName: null, version: null, status: null, license: null })
})

test('what later cameras add is passed over', () => {
  const entries = list(
    '<application Name="a" Version="1.20" Bundled="No" SignatureStatus="Signed" Future="x">' +
      '<CompatibleOsVersions><VersionRange><Min>11.0</Min><Max>12</Max></VersionRange></CompatibleOsVersions>' +
      '<Resources><Resource name="ram" used="3"/></Resources></application>' +
      '<application Name="b" Status="Idle" License="Valid" LicenseExpirationDate="2027-03-01"/><other/>',
  )
  // A version must stay the text it is.
  expect(entries.map(({ name, version }) => [name, version])).toEqual([
    ['a', '1.20'],
    ['b', null],
  ])
  expect(entries[1]).toMatchObject({ status: 'Idle', license: 'Valid', licenseExpires: '2027-03-01' })
})

test('names are decoded once, and words that nobody knows are unknown', () => {
  const [entry] = list('<application Name="x" NiceName="R&amp;D &lt;3 &#233; &amp;amp; &bogus;" Status="Dancing"/>')
  expect(entry).toMatchObject({ niceName: 'R&D <3 é &amp; &bogus;', status: null })
})

test('an app without a name is none', () => {
  expect(list('<application NiceName="ghost"/><application Name="real"/>')).toHaveLength(1)
})

test('a refusal of the camera itself is worth a retry', () => {
  const refused = replyOf('<reply result="error"><error type="1" message="Error: gdbus call failed" /></reply>')
  expect(() => readAppList(refused)).toThrow(
    expect.objectContaining({ code: 'busy', retryable: true, message: expect.stringContaining('gdbus') }),
  )
  expect(() => readAppList(replyOf('Error: 10\n'))).toThrow(expect.objectContaining({ deviceCode: 'Error: 10' }))
})

test.each([
  ['a web page', webPage],
  ['nothing', replyOf('')],
  ['text', replyOf('OK')],
  ['half of a list', replyOf('<reply result="ok"><application Name="a"')],
  ['another document', replyOf('<answer result="ok"/>')],
  ['a document type', replyOf('<!DOCTYPE r [<!ENTITY a "aaaa">]><reply result="ok"/>')],
  ['far too many tags', replyOf(`<reply result="ok">${'<a/>'.repeat(50_000)}</reply>`)],
  ['far too many levels', replyOf(`<reply result="ok">${'<a>'.repeat(100)}${'</a>'.repeat(100)}</reply>`)],
])('%s is a bad reply', (_, reply) => {
  expect(() => readAppList(reply)).toThrow(badReply)
})

test('an app that waits counts as running, and one without a status is unknown', () => {
  const stateOf = (attributes: string) =>
    toInstalledApp(list(`<application Name="a" ${attributes}/>`)[0] as never).state
  expect(stateOf('Status="Running"')).toBe('RUNNING')
  expect(stateOf('Status="Idle"')).toBe('RUNNING')
  expect(stateOf('Status="Stopped"')).toBe('NOT_RUNNING')
  expect(stateOf('')).toBe('UNKNOWN')
})

test('only a valid license is listed, and the words say what is wrong with another', () => {
  const appOf = (attributes: string) => toInstalledApp(list(`<application Name="a" ${attributes}/>`)[0] as never)
  expect(appOf('License="Valid" LicenseExpirationDate="2027-03-01"').licenses).toEqual([
    { name: 'a', validUntil: '2027-03-01T23:59:59.000Z' },
  ])
  expect(appOf('License="Valid"').licenses).toEqual([{ name: 'a', validUntil: null }])
  expect(appOf('License="Invalid" LicenseExpirationDate="2020-01-01" Status="Stopped"')).toMatchObject({
    licenses: [],
    status: 'Stopped, License Invalid',
  })
  expect(appOf('License="Custom" Status="Running"').status).toBe('Running')
})
