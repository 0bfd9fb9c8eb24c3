export { findRefusingLevel } from './apk/platform-signatures.ts'
export type {
  ApkPackage,
  AppPackage,
  AppParameter,
  CopyProtection,
  EapPackage,
  EapSignature,
  EarlierCertificate,
  OsVersionRange,
  PackageSigner,
  PlatformSignature,
  SignatureScheme,
} from './app-package.ts'
export { PackageError, type PackageErrorCode } from './package-error.ts'
export { type ReadOptions, readAppPackage } from './read-app-package.ts'
export { type KeyFile, type ReadKeyFilesOptions, readKeyFiles } from './vendor-key/read-key-files.ts'
export { deviceIdOfFileName, type KeyReading, maxKeyBytes, type VendorKey } from './vendor-key/vendor-key.ts'
