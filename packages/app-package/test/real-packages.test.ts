import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { readAppPackage } from '../src/index.ts'
import { apiDemos, appiumSettings } from './real-packages.ts'

// Taken from the v1 signatures of the same files by another tool (openssl pkcs7).
const oldCertificate = '3e4f2ab66d641bbbd363421151755f8b12b66ea37a5db43c52116596b7392a8e'
const newCertificate = '18e8534fed30cbf9959e4073e723e3395a3f92fd6b41756d5fbc788f280c1107'

test.each([
  [22, '4.0.0', oldCertificate, 29],
  [24, '4.1.1', oldCertificate, 31],
  [25, '5.0.0', newCertificate, 33],
] as const)(
  'ApiDemos with version code %i is version %s of its signer',
  async (versionCode, versionName, certificate, target) => {
    const bytes = await readFile(apiDemos(versionCode))
    expect(await readAppPackage(apiDemos(versionCode))).toEqual({
      format: 'apk',
      appId: 'io.appium.android.apis',
      versionCode,
      versionName,
      minPlatformLevel: 17,
      targetPlatformLevel: target,
      architectures: [],
      label: null,
      signer: {
        scheme: 'v2',
        certificateSha256: certificate,
        subject: expect.stringContaining('CN=Android Debug'),
        signatures: [{ scheme: 'v2', minLevel: 0, maxLevel: null, certificateSha256: certificate, lineage: [] }],
      },
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
  },
)

test('the Appium settings app, signed with v2 alone, is read', async () => {
  expect(await readAppPackage(appiumSettings())).toMatchObject({
    appId: 'io.appium.settings',
    versionCode: 192,
    versionName: '8.0.10',
    minPlatformLevel: 26,
    targetPlatformLevel: 35,
    architectures: [],
    signer: { scheme: 'v2', subject: 'CN=Android Debug, O=Android, C=US' },
    sha256: expect.stringMatching(/^4c5d60ab5ae5/),
  })
})
