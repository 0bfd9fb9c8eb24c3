import type { Static } from 'typebox'
import { oneOf } from './schema.ts'

/** The camera protocols, preferred first: VAPIX shows more of a camera that speaks both. docs/third-protocol.md says how one is added. */
export const driverNames = ['vapix', 'onvif'] as const
export const DriverName = oneOf(driverNames)
export type DriverName = Static<typeof DriverName>

/** What apps come in. The database checks the same names. */
export const packageFormats = ['apk', 'eap'] as const
export const PackageFormat = oneOf(packageFormats)
export type PackageFormat = Static<typeof PackageFormat>
