import type { EapPackage } from '@ocelli/app-package'
import type { EapDetails } from '@ocelli/contract'

/** What is kept and shown of an .eap. */
export function eapDetails(content: EapPackage): EapDetails {
  const { signature } = content
  return {
    vendor: content.vendor,
    vendorId: content.vendorId,
    axisAppId: content.axisAppId,
    copyProtection: content.copyProtection,
    manifestSchema: content.manifestSchema,
    minSdkVersion: content.minSdkVersion,
    runMode: content.runMode,
    runAs: content.runAs,
    settingPage: content.settingPage,
    parameters: content.parameters,
    httpPaths: content.httpPaths,
    osVersions: content.compatibleOsVersions,
    signature: signature && { createdAt: signature.createdAt.toISOString(), keyId: signature.keyId },
  }
}
