import { scryptSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { hashSecret, verifySecret } from './secret.ts'

test('a hash is salted, says its cost, and is opened by its secret alone', async () => {
  const [one, two] = await Promise.all([hashSecret('correct horse'), hashSecret('correct horse')])
  expect(one).toMatch(/^scrypt\.16384\.5\.[\w-]{22}\.[\w-]{43}$/)
  expect(one).not.toBe(two)
  expect(await verifySecret('correct horse', one)).toBe(true)
  expect(await verifySecret('correct horsf', one)).toBe(false)
})

test('hashes from before they said their cost are still opened', async () => {
  const salt = Buffer.from('0123456789abcdef')
  const stored = ['scrypt', salt, scryptSync('correct horse', salt, 32)].map((part) =>
    typeof part === 'string' ? part : part.toString('base64url'),
  )
  expect(await verifySecret('correct horse', stored.join('.'))).toBe(true)
  expect(await verifySecret('wrong', stored.join('.'))).toBe(false)
  expect(await verifySecret('wrong', '')).toBe(false)
})
