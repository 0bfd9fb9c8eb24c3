/** What a package says about itself, with its signature verified. `format` tells the kinds of package apart. */
export interface AppPackage {
  format: 'apk'
  appId: string
  /** `versionCodeMajor` in the upper 32 bits. */
  versionCode: number
  /** The text of the manifest; the decimal `versionCode` where the manifest has no literal text. */
  versionName: string
  /** Android API level */
  minPlatformLevel: number
  /** Android API level; null when not said, or a preview's code name. */
  targetPlatformLevel: number | null
  /** Sorted names such as `arm64-v8a`; empty means any, since the package has no native code. */
  architectures: string[]
  /** Null when the manifest has none, or only refers to a resource. */
  label: string | null
  signer: PackageSigner
  /** bytes */
  size: number
  /** Of the whole file, lower case hex. */
  sha256: string
}

export interface PackageSigner {
  /** The strongest scheme that the package carries. All that it carries were verified. */
  scheme: 'v2' | 'v3'
  /** Of the signing certificate in DER, lower case hex. */
  certificateSha256: string
  /** Distinguished name on one line, such as `C=US, O=Android, CN=Android Debug`. */
  subject: string
}
