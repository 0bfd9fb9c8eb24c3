import { type Driver, DriverError } from '@ocelli/driver'

/** Worth having, never worth failing for: null when the camera cannot tell it. Throws what ends every call. */
export async function readEndpointReference(driver: Driver, signal: AbortSignal): Promise<string | null> {
  try {
    return (await driver.readEndpointReference?.({ signal })) ?? null
  } catch (error) {
    const isUnable = error instanceof DriverError && ['bad-reply', 'unsupported', 'refused'].includes(error.code)
    if (isUnable) return null
    throw error
  }
}
