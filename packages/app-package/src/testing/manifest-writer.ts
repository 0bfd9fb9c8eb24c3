import type { XmlAttributeSpec, XmlSpec } from './binary-xml-writer.ts'

export interface ManifestOptions {
  appId: string
  /** 1 by default; what exceeds 32 bits goes to versionCodeMajor. */
  versionCode?: number
  /** `1.0.0` by default. */
  versionName?: string
  /** 21 by default. */
  minSdk?: number
  targetSdk?: number
  label?: string
}

/** The manifest of an app, ready to compile with `writeBinaryXml`. */
export function describeManifest(options: ManifestOptions): XmlSpec {
  const { appId, versionCode = 1, versionName = '1.0.0', minSdk = 21, targetSdk, label } = options
  const major = Math.floor(versionCode / 2 ** 32)
  const manifest: XmlAttributeSpec[] = [
    { name: 'versionCode', id: 0x0101021b, value: versionCode % 2 ** 32 },
    { name: 'versionName', id: 0x0101021c, value: versionName },
    { name: 'package', value: appId },
  ]
  if (major > 0) manifest.push({ name: 'versionCodeMajor', id: 0x01010576, value: major })
  const usesSdk: XmlAttributeSpec[] = [{ name: 'minSdkVersion', id: 0x0101020c, value: minSdk }]
  if (targetSdk !== undefined) usesSdk.push({ name: 'targetSdkVersion', id: 0x01010270, value: targetSdk })
  const application: XmlAttributeSpec[] = label === undefined ? [] : [{ name: 'label', id: 0x01010001, value: label }]
  return {
    name: 'manifest',
    attributes: manifest,
    children: [
      { name: 'uses-sdk', attributes: usesSdk },
      { name: 'application', attributes: application },
    ],
  }
}
