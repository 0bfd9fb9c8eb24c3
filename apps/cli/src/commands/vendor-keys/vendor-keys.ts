import { basename, resolve } from 'node:path'
import type { VendorLicenseFile } from '@ocelli/sdk'
import { packageFile } from '@ocelli/sdk/node'
import type { CommandContext } from '../../command-context.ts'
import { type ExitCode, exitCodes } from '../../exit-code.ts'
import { atMost } from '../../output/at-most.ts'
import { fileFailed } from '../../profile/private-file.ts'
import { licenseListColumns } from '../licenses/licenses.ts'

const words: Record<VendorLicenseFile['result'], string> = {
  STORED: 'stored',
  RENEWED: 'renewed',
  DUPLICATE: 'there already',
  UNKNOWN_DEVICE: 'NO SUCH DEVICE',
  OTHER_APP: 'FOR ANOTHER APP',
  EXPIRED: 'HAS ENDED',
  DAMAGED: 'DAMAGED',
}
const isMatched = ({ result }: VendorLicenseFile): boolean =>
  result === 'STORED' || result === 'RENEWED' || result === 'DUPLICATE'

/** Tells of every key file what became of it; 1 when any went to no device. */
export async function uploadVendorKeys(appId: string, files: string[], context: CommandContext): Promise<ExitCode> {
  const { licenses } = await context.client()
  const results: VendorLicenseFile[] = []
  for (const file of files) {
    const path = resolve(context.cwd, file)
    const source = await openFile(path)
    const answer = await context.progress.run(`Upload ${file}`, () =>
      licenses.uploadVendorKeys(appId, source, { fileName: basename(path).slice(0, 200) }),
    )
    results.push(...answer.files)
  }
  await context.out.list(
    results,
    [
      { heading: 'FILE', value: ({ fileName }) => fileName },
      { heading: 'RESULT', value: ({ result }) => words[result] },
      { heading: 'DEVICE', value: ({ deviceId }) => deviceId },
      { heading: 'LICENSE', value: ({ licenseId }) => licenseId },
      { heading: 'WHY', value: ({ detail }) => detail },
    ],
    { empty: 'There was no key file in it.' },
  )
  const matched = results.filter(isMatched).length
  context.say(`${matched} of ${results.length} key files are with their device.`)
  return matched === results.length ? exitCodes.ok : exitCodes.someFailed
}

export async function listVendorKeys(
  appId: string | undefined,
  { history, device: deviceId, limit }: { history?: boolean; device?: string; limit?: number },
  { client, out }: CommandContext,
): Promise<void> {
  const { licenses } = await client()
  const found = licenses.search({ issuer: 'VENDOR', appId, deviceId, state: history ? 'ALL' : undefined })
  await out.list(atMost(found, limit), licenseListColumns, {
    empty: 'No key of a vendor is stored. Upload with: ocelli vendor-keys upload',
  })
}

async function openFile(path: string): Promise<Blob> {
  try {
    return await packageFile(path)
  } catch (error) {
    throw fileFailed(`${path} cannot be read`, error)
  }
}
