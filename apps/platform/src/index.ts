export { prepareLocalSite } from './local-site.ts'
export { type Config, readConfig } from './platform/config.ts'
export { findEmbeddedPostgres } from './platform/embedded-postgres/find-embedded-postgres.ts'
export { type Platform, type PlatformOptions, startPlatform } from './platform.ts'
