import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const { resolve } = createRequire(import.meta.url)

/** Path of a real .apk that an npm package of the workspace carries. */
function realPackage(npmName: string, file: string): string {
  return join(dirname(resolve(`${npmName}/package.json`)), 'apks', file)
}

export const apiDemos = (versionCode: 22 | 24 | 25) =>
  realPackage(`android-apidemos-${versionCode}`, 'ApiDemos-debug.apk')

export const appiumSettings = () => realPackage('io.appium.settings', 'settings_apk-debug.apk')
