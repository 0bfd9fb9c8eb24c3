import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { generateLicenseKey, type PublicLicenseKey, verifyGrant } from '@ocelli/license'
import { expect, it, test } from 'vitest'
import { openTestCli } from './test-io.ts'

/** A maker with a key, and a platform's root key. */
async function makeMaker() {
  const cli = await openTestCli()
  expect(await cli.run(['maker', 'keygen', '--out', 'maker.json'])).toMatchObject({ code: 0, stdout: '' })
  const { publicKey } = await generateLicenseKey()
  const root = publicKey.kid
  const grant = ['maker', 'grant', '--key', 'maker.json', '--app', 'com.example.counter', '--root', root]
  return { cli, root, grant }
}

it('makes a key that only its owner reads, and never writes over one', async () => {
  const { cli } = await makeMaker()
  const path = join(cli.folder, 'maker.json')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const before = await readFile(path, 'utf8')
  expect(await cli.run(['maker', 'keygen', '--out', 'maker.json'])).toMatchObject({ code: 6 })
  expect(await readFile(path, 'utf8')).toBe(before)
  const shown = await cli.run(['maker', 'public-key', '--key', 'maker.json'])
  expect(JSON.parse(shown.stdout)).not.toHaveProperty('d')
})

it('signs a grant that the platform of that root key accepts, and no other', async () => {
  const { cli, root, grant } = await makeMaker()
  const made = await cli.run([...grant, '--license-type', 'subscription', '--quantity', '5', '--term-days', '365'])
  expect(made).toMatchObject({ code: 0, stderr: '' })
  const maker = JSON.parse((await cli.run(['maker', 'public-key', '--key', 'maker.json'])).stdout) as PublicLicenseKey
  const asked = { trust: [maker], appId: 'com.example.counter', rootThumbprint: root, now: new Date() }
  expect(await verifyGrant(made.stdout.trim(), asked)).toMatchObject({
    ...{ valid: true, claims: { typ: 'SUBSCRIPTION', qty: 5, term: 365 } },
  })
  const elsewhere = { ...asked, rootThumbprint: (await generateLicenseKey()).publicKey.kid }
  expect(await verifyGrant(made.stdout.trim(), elsewhere)).toMatchObject({ valid: false, reason: 'other-platform' })
})

test.each([
  [['--license-type', 'SUBSCRIPTION', '--quantity', '5'], '--term-days'],
  [['--license-type', 'FULL', '--quantity', '5', '--term-days', '3'], '--term-days'],
  [['--license-type', 'RENTAL', '--quantity', '5'], 'FULL, TRIAL or SUBSCRIPTION'],
  [['--license-type', 'FULL', '--quantity', '0'], 'at least 1'],
])('a grant that cannot be is not signed: %j', async (flags, words) => {
  const { cli, grant } = await makeMaker()
  const refused = await cli.run([...grant, ...flags])
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(words) })
})
