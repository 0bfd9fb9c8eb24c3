import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const fileOf = (name: string, path: string) => join(dirname(require.resolve(`${name}/package.json`)), path)

/** Real signed packages: two versions by one certificate, a third by another. */
export const apiDemos = {
  appId: 'io.appium.android.apis',
  v4_0_0: fileOf('android-apidemos-22', 'apks/ApiDemos-debug.apk'),
  v4_1_1: fileOf('android-apidemos-24', 'apks/ApiDemos-debug.apk'),
  v5_0_0: fileOf('android-apidemos-25', 'apks/ApiDemos-debug.apk'),
}
export const settingsApp = {
  appId: 'io.appium.settings',
  package: fileOf('io.appium.settings', 'apks/settings_apk-debug.apk'),
}
