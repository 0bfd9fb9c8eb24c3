/** What the descriptions inside an .eap say; anything left out is left out there too, but for the first four. */
export interface EapDescription {
  appId: string
  /** `1.0.0` by default. */
  version?: string
  /** `aarch64` by default; `all` for any. */
  architecture?: string
  vendor?: string
  friendlyName?: string
  vendorId?: string
  /** Under which Axis knows the app. */
  axisAppId?: string
  copyProtection?: 'none' | 'axis' | 'custom'
  compatibleOsVersions?: readonly { min?: string; max?: string }[]
  runMode?: 'respawn' | 'once' | 'never'
  user?: { username: string; group: string }
  settingPage?: string
  parameters?: readonly { name: string; default: string; type: string }[]
  httpPaths?: readonly string[]
}

/** Schema versions of manifest.json, and the least AXIS OS of each as far as it is documented. */
export const manifestSchemas = [
  '1.0',
  '1.1',
  '1.2',
  '1.3',
  '1.3.1',
  '1.4.0',
  '1.5.0',
  '1.7.1',
  '2.0.0',
  '2.2.0',
] as const
export type ManifestSchema = (typeof manifestSchemas)[number]

/** The manifest.json of a schema version: `embeddedSdkVersion` went with schema 2, which asks for `vendorId`. */
export function describeEapManifest(app: EapDescription, schema: ManifestSchema): object {
  const isSecond = schema.startsWith('2.')
  const { appId, version = '1.0.0', architecture = 'aarch64', vendor = 'Example' } = app
  return {
    schemaVersion: schema,
    acapPackageConf: {
      setup: {
        appName: appId,
        friendlyName: app.friendlyName,
        vendor,
        vendorId: app.vendorId ?? (isSecond ? '0123456789' : undefined),
        appId: app.axisAppId,
        architecture,
        embeddedSdkVersion: isSecond ? undefined : '3.0',
        runMode: app.runMode ?? 'never',
        version,
        user: app.user,
        compatibleOsVersions: app.compatibleOsVersions,
      },
      copyProtection: app.copyProtection === undefined ? undefined : { method: app.copyProtection },
      configuration: {
        settingPage: app.settingPage,
        paramConfig: app.parameters,
        httpConfig: app.httpPaths?.map((name) => ({ access: 'admin', name, type: 'fastCgi' })),
      },
    },
  }
}

/** The package.conf that build tools write beside a manifest, or alone. */
export function describePackageConf(app: EapDescription): string {
  const { appId, version = '1.0.0', architecture = 'aarch64', vendor = 'Example' } = app
  const [major = '1', minor = '0', ...micro] = version.split('.')
  const lines = {
    PACKAGENAME: app.friendlyName ?? appId,
    MENUNAME: app.friendlyName ?? appId,
    APPTYPE: architecture,
    APPNAME: appId,
    APPID: app.axisAppId ?? '',
    LICENSENAME: 'Available',
    LICENSEPAGE: app.copyProtection ?? 'none',
    VENDOR: vendor,
    REQEMBDEVVERSION: '2.0',
    APPMAJORVERSION: major,
    APPMINORVERSION: minor,
    APPMICROVERSION: micro.join('.') || '0',
    APPGRP: app.user?.group ?? 'sdk',
    APPUSR: app.user?.username ?? 'sdk',
    APPOPTS: '',
    SETTINGSPAGEFILE: app.settingPage ?? '',
    STARTMODE: app.runMode ?? 'never',
    HTTPCGIPATHS: (app.httpPaths ?? []).join(' '),
  }
  const text = Object.entries(lines).map(([key, value]) => `${key}="${value}"\n`)
  return `${text.join('')}VENDORHOMEPAGELINK='<a href="http://www.example.com" target="_blank">Example</a>'\n`
}

export function describeParamConf({ parameters = [] }: EapDescription): string {
  return parameters.map((one) => `${one.name}="${one.default}" type="${one.type}"\n`).join('')
}
