import type { DesiredApp } from '@ocelli/contract'
import type { LocalPackage } from '@ocelli/driver'

export type PackageRef = NonNullable<DesiredApp['package']>

export interface PackageRequest {
  appId: string
  signal: AbortSignal
  /** Bytes here so far, of `package.size`. */
  onProgress?: (progress: { bytes: number; percent: number }) => void
}

/**
 * Packages on the gateway's disk: downloaded once however many cameras ask, resumed after a break, checked against SHA-256.
 * Errors are GatewayError: `package-corrupt`, `package-unavailable`, `package-too-large`, `disk-full`, `platform-unreachable`, `cancelled`.
 */
export interface PackageCache {
  /** A checked file, kept on disk until it is released. */
  acquire(packageRef: PackageRef, request: PackageRequest): Promise<PackageLease>
  /** The same, for a caller who is content that it may be evicted once the promise has resolved and others need the room. */
  get(packageRef: PackageRef, request: PackageRequest): Promise<LocalPackage>
  close(): Promise<void>
}

export interface PackageLease {
  readonly localPackage: LocalPackage
  /** Call once the camera has taken it; more than once is harmless. */
  release(): void
}
