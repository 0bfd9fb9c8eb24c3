import type { AppParameter } from '../app-package.ts'
import {
  type EapFacts,
  invalid,
  readAppName,
  readArchitectures,
  readCopyProtection,
  readLine,
  readRunMode,
  readVersion,
} from './eap-facts.ts'

/** What package.conf, and param.conf beside it, say: the only description before AXIS OS 10.7. */
export function readConfFacts(conf: ReadonlyMap<string, string>, parameters: AppParameter[]): EapFacts {
  const value = (key: string) => readLine(conf.get(key))
  const architectures = readArchitectures(value('APPTYPE'))
  if (architectures === null) throw invalid('its package.conf names no architecture (APPTYPE)')
  const [user, group] = [value('APPUSR'), value('APPGRP')]
  return {
    appId: readAppName(value('APPNAME')),
    versionName: readVersion(joinVersion(value('APPMAJORVERSION'), value('APPMINORVERSION'), value('APPMICROVERSION'))),
    architectures,
    label: value('MENUNAME') ?? value('PACKAGENAME'),
    vendor: value('VENDOR'),
    vendorId: null,
    axisAppId: readAxisAppId(value('APPID')),
    copyProtection: readCopyProtection(value('LICENSEPAGE')),
    manifestSchema: null,
    compatibleOsVersions: [],
    minSdkVersion: value('REQEMBDEVVERSION'),
    runMode: readRunMode(value('STARTMODE')),
    runAs: user === null || group === null ? null : { user, group },
    settingPage: value('SETTINGSPAGEFILE'),
    parameters,
    httpPaths: (value('HTTPCGIPATHS') ?? '').split(/\s+/).filter((path) => path !== ''),
  }
}

/** As cameras list it: `4.5-2`. */
export function joinVersion(major: string | null, minor: string | null, micro: string | null): string | null {
  if (major === null || minor === null) return null
  return micro === null ? `${major}.${minor}` : `${major}.${minor}-${micro}`
}

/** Some build tools write an empty id or 0 for an app that Axis does not know. */
export function readAxisAppId(value: string | null): string | null {
  return value !== null && /^[1-9]\d{0,15}$/.test(value) ? value : null
}
