/** What a package says about itself. `format` tells the kinds of package apart. */
export type AppPackage = ApkPackage | EapPackage

interface PackageBase {
  appId: string
  /** The version as its maker writes it. */
  versionName: string
  /** Sorted names such as `arm64-v8a` or `aarch64`; empty means any. */
  architectures: string[]
  /** Null when the package has none, or only refers to a resource. */
  label: string | null
  /** bytes */
  size: number
  /** Of the whole file, lower case hex. */
  sha256: string
}

/** An Android package, with its signature verified. */
export interface ApkPackage extends PackageBase {
  format: 'apk'
  /** `versionCodeMajor` in the upper 32 bits. */
  versionCode: number
  /** Android API level: what the manifest asks for, or the lowest that can verify a signature of the package where that is higher. */
  minPlatformLevel: number
  /** Android API level; null when not said, or a preview's code name. */
  targetPlatformLevel: number | null
  signer: PackageSigner
}

/** APK Signature Schemes that are verified. A v1 (JAR) signature alone is not accepted. */
export type SignatureScheme = 'v2' | 'v3' | 'v3.1'

/** Who signed a package, as the newest platform sees it. */
export interface PackageSigner {
  /** The newest scheme that the package carries. All that it carries were verified. */
  scheme: SignatureScheme
  /** Of the signing certificate in DER, lower case hex. */
  certificateSha256: string
  /** Distinguished name on one line, such as `C=US, O=Android, CN=Android Debug`; empty when it names nobody. */
  subject: string
  /** Which signature counts on which platform, by API level; platforms that are in none cannot install the package. */
  signatures: PlatformSignature[]
}

/** What a platform goes by to tell whether an update comes from the maker of the app that is installed. */
export interface PlatformSignature {
  scheme: SignatureScheme
  /** Android API levels, both included; `maxLevel` is null where there is no end. */
  minLevel: number
  maxLevel: number | null
  certificateSha256: string
  /** Certificates of this app that came before, oldest first, as a chain of signatures proves. */
  lineage: EarlierCertificate[]
}

/**
 * A certificate that the maker has changed from (APK Signature Scheme v3, proof of rotation). SHA-256 of its DER form, lower
 * case hex.
 */
export interface EarlierCertificate {
  certificateSha256: string
  /** An app signed by it may be updated. False: the maker has given that key up for good. */
  keepsData: boolean
}

/** Who asks for a license: nobody, the camera for a key of Axis, or the app itself in its own way. */
export type CopyProtection = 'none' | 'axis' | 'custom'

/** A package for Axis cameras. `appId` is its appName, `label` the name that the camera's web page shows. */
export interface EapPackage extends PackageBase {
  format: 'eap'
  vendor: string | null
  /** Ten hex digits that Axis gave the vendor, lower case; the camera refuses an update from another one. */
  vendorId: string | null
  /** The number under which Axis knows the app; license keys of Axis are made out for it. */
  axisAppId: string | null
  copyProtection: CopyProtection
  /** `schemaVersion` of manifest.json; null for a package with package.conf only. */
  manifestSchema: string | null
  /** AXIS OS versions that the app is made for, any of these ranges; empty when the package does not say. */
  compatibleOsVersions: OsVersionRange[]
  /** Least version of the camera's interface for apps, such as `2.0`; null when not said. */
  minSdkVersion: string | null
  /** How the camera runs the app: started again when it ends, once, or not at all. */
  runMode: 'respawn' | 'once' | 'never' | null
  /** User and group that the app wants to run as, which some cameras refuse. */
  runAs: { user: string; group: string } | null
  /** Page below the app's own folder, such as `settings.html`. */
  settingPage: string | null
  /** Parameters that the camera keeps for the app, as the manifest or param.conf declares them. */
  parameters: AppParameter[]
  /** Paths below `/local/<appName>/` that the app answers itself. */
  httpPaths: string[]
  /** Null when the package carries no signature. Only a camera can verify it: it knows Axis' key. */
  signature: EapSignature | null
}

/** A range of AXIS OS versions, open where a bound is null; one of them always is there. */
export interface OsVersionRange {
  /** Included. */
  min: string | null
  /** Included, with everything that begins with it: `12` stands for all of AXIS OS 12. */
  max: string | null
}

/** A parameter of an app, from `paramConfig` of manifest.json or a line of param.conf. */
export interface AppParameter {
  name: string
  default: string
  /** The declared type, verbatim, such as `bool:no,yes`; empty when there is none. */
  type: string
}

/** What the OpenPGP signature at the end of an .eap says of itself. Read, not verified. */
export interface EapSignature {
  /** When it was made, as it says itself. */
  createdAt: Date
  /** Fingerprint of the signing key, or its id where no fingerprint is given; lower case hex. */
  keyId: string
  /** Bytes before the signature, which are the package as it was before it was signed. */
  signedBytes: number
}
