export type {
  ApkPackage,
  AppPackage,
  AppParameter,
  CopyProtection,
  EapPackage,
  EapSignature,
  OsVersionRange,
  PackageSigner,
} from './app-package.ts'
export { PackageError, type PackageErrorCode } from './package-error.ts'
export { type ReadOptions, readAppPackage } from './read-app-package.ts'
