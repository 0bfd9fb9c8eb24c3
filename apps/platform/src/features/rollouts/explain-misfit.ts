export interface Candidate {
  version: string
  format: string
  architectures: string[]
  minPlatformLevel: number | null
}

interface Device {
  appFormats: string[]
  architecture: string | null
  platformLevel: number | null
}

/** Why the best package of a version does not run on a device. Codes: package-format, architecture, platform-level. */
export function explainMisfit(candidate: Candidate, device: Device): { reason: string; detail: string } {
  const { version, format, architectures, minPlatformLevel } = candidate
  if (device.appFormats.length > 0 && !device.appFormats.includes(format)) {
    const takes = device.appFormats.map((name) => `.${name}`).join(', ')
    return {
      reason: 'package-format',
      detail: `Version ${version} is an .${format} package; the device takes ${takes}.`,
    }
  }
  if (architectures.length > 0 && device.architecture !== null && !architectures.includes(device.architecture)) {
    const detail = `Version ${version} is made for ${architectures.join(', ')}; the device is ${device.architecture}.`
    return { reason: 'architecture', detail }
  }
  const detail = `Version ${version} needs platform level ${minPlatformLevel}; the device has ${device.platformLevel}.`
  return { reason: 'platform-level', detail }
}

const firstStrictAxisOs = 12

/**
 * Cameras that refuse an unsigned package before it is sent there: AXIS OS takes none from 12.0 on, unless its switch
 * AllowUnsigned was turned on by hand, which the platform does not see.
 */
export function needsSignature(device: { driver: string | null; firmwareVersion: string | null }): boolean {
  if (device.driver !== 'vapix') return false
  return Number(/^(\d+)\./.exec(device.firmwareVersion ?? '')?.[1] ?? 0) >= firstStrictAxisOs
}
