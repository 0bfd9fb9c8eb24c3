export { prepareLocalSite } from './local-site.ts'
export { type Config, readConfig } from './platform/config.ts'
export { type Platform, type PlatformOptions, startPlatform } from './platform.ts'
