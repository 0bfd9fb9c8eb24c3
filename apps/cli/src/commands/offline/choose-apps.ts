import type { BundleRequest } from '@ocelli/sdk'
import { wrongUsage } from '../../cli-error.ts'

export interface ChoiceFlags {
  app: string[]
  licenseType: string
  order?: string
  validDays: number
}

const licenseTypes = ['FULL', 'TRIAL', 'SUBSCRIPTION'] as const

/** What to install, as the API names it. Throws `wrong-usage`. */
export function chooseApps({ app, licenseType, order }: ChoiceFlags): BundleRequest['apps'] {
  const type = licenseTypes.find((one) => one === licenseType.toUpperCase())
  if (type === undefined) throw wrongUsage('--license-type is FULL, TRIAL or SUBSCRIPTION.')
  if (type === 'SUBSCRIPTION' && order === undefined) {
    throw wrongUsage('A SUBSCRIPTION names its order: add --order; see: ocelli licenses quantities')
  }
  return app.map((text) => {
    const at = text.lastIndexOf('@')
    const [appId, version] = at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text, '']
    return {
      ...{ appId, licenseType: type },
      ...(order === undefined ? {} : { orderId: order }),
      ...(version === '' ? {} : { version }),
    }
  })
}
