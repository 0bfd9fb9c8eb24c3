import { type FindCameraOptions, type FoundCamera, findCamera as findByDriver } from '@ocelli/driver'
import { GatewayError } from '../state/gateway-error.ts'

/** As the drivers find it; a text that is no address is `invalid-input`, as all that a person types wrong. */
export async function findCamera(text: string, options: FindCameraOptions): Promise<FoundCamera> {
  try {
    return await findByDriver(text, options)
  } catch (error) {
    if (error instanceof RangeError) throw new GatewayError('invalid-input', error.message, { cause: error })
    throw error
  }
}
