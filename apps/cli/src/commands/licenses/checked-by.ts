import type { LicenseCheckedBy } from '@ocelli/contract'

/** Who looks at a license, in words: what nobody checks is not enforced, and a person must see that. */
export function checkedByText(checkedBy: LicenseCheckedBy | null | undefined): string | null {
  switch (checkedBy) {
    case 'CAMERA':
      return 'camera'
    case 'APP':
      return 'app'
    case 'NOBODY':
      return 'nobody: counted, not enforced'
    // also what a platform of an older version leaves out
    default:
      return null
  }
}
