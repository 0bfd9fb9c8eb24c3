import { describe, expect, test } from 'vitest'
import { decodeText } from './decode-text.ts'

const text = '{"name":"Tür"}\r\n'
const utf16 = (littleEndian: boolean) => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
  return littleEndian ? bytes : bytes.swap16()
}

describe('a file that a person made is read', () => {
  test.each([
    ['as UTF-8', Buffer.from(text)],
    ['as UTF-8 with a mark', Buffer.from(`\ufeff${text}`)],
    ['as PowerShell writes it: UTF-16, little end first', utf16(true)],
    ['as UTF-16, big end first', utf16(false)],
  ])('%s', (_, bytes) => {
    expect(decodeText(bytes)).toBe(text)
  })

  test('even when it is empty', () => {
    expect(decodeText(new Uint8Array())).toBe('')
  })
})
