import { isAbsolute, join } from 'node:path'
import type { CameraLogin } from '@ocelli/sdk'
import { writePrivateFile } from '../profile/private-file.ts'

const columns = ['address', 'device', 'result', 'code', 'detail'] as const

/** What came of each camera as CSV. Never a password: it is not among what the platform answers. */
export async function writeResultFile(file: string, items: CameraLogin[], { cwd }: { cwd: string }): Promise<void> {
  const lines = items.map(({ address, deviceId, state, error }) =>
    [address, deviceId, state, error?.code, error?.detail].map((value) => cell(value ?? '')).join(','),
  )
  await writePrivateFile(isAbsolute(file) ? file : join(cwd, file), `${[columns.join(','), ...lines].join('\r\n')}\r\n`)
}

/** A spreadsheet takes what begins so for a formula; what a camera says must not become one. */
function cell(value: string): string {
  const plain = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
