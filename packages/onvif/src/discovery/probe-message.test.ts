import { expect, test } from 'vitest'
import { probedTypes, writeProbe } from './probe-message.ts'

const probes = probedTypes.map((type) => writeProbe(type, '0b0e2b86-0000-4000-8000-000000000001'))

test('old and new cameras are each asked for their type, with the prefix that many compare as text', () => {
  expect(probes.map((probe) => /<d:Types>(.*?)<\/d:Types>/.exec(probe)?.[1])).toEqual([
    'dn:NetworkVideoTransmitter',
    'tds:Device',
  ])
  expect(probes[0]).toContain('xmlns:dn="http://www.onvif.org/ver10/network/wsdl"')
  expect(probes[1]).toContain('xmlns:tds="http://www.onvif.org/ver10/device/wsdl"')
})

test.each(probes)(
  'a question has the form that parsers in cameras want: one line, no blanks, empty scopes',
  (probe) => {
    expect(probe).not.toMatch(/[\r\n\t]|>\s+</)
    expect(probe).toContain('<d:Scopes/>')
    expect(probe).toContain('xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"')
    expect(probe).toContain('xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"')
  },
)
