import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { systemClock } from '@ocelli/sdk'
import { bookOf, writeReceipt } from '../src/commands/offline/work-on-cameras.ts'
import { receiptKey } from '../src/offline/receipt-key.ts'
import { rememberRoot } from '../src/offline/trusted-roots.ts'
import { createProfileStore } from '../src/profile/profile-store.ts'

/** One of several commands that write into a folder at the same moment. Begins when it is told to, says `done` at the end. */
const [configFolder = '', name = '', count = '', bundleId = ''] = process.argv.slice(2)
const signal = AbortSignal.timeout(60_000)
const context = {
  configFolder,
  signal,
  clock: systemClock,
  platform: process.platform,
  cwd: configFolder,
  say: () => {},
}
const credentials = { kind: 'token' as const, token: 'ocp_x', tokenId: null }

process.send?.('ready')
await once(process, 'message')
const { publicKey } = await receiptKey(context)
const profiles = createProfileStore(context)
const book = await bookOf(context, bundleId)
for (let number = 0; number < Number(count); number++) {
  await profiles.change((all) => ({
    ...all,
    profiles: { ...all.profiles, [`${name}-${number}`]: { url: 'https://ocelli.test', ca: null, credentials } },
  }))
  await rememberRoot(context, { thumbprint: randomBytes(32).toString('base64url'), url: null })
  const entry = {
    deviceId: `${name}-${number}`,
    appId: 'app',
    result: 'INSTALLED' as const,
    version: '1',
    detail: null,
  }
  await book.add({ ...entry, licenseId: randomUUID() })
}
await writeReceipt(book, { bundleId, file: 'receipt.jws' }, context)
await book.close()
process.send?.(publicKey.kid)
process.disconnect?.()
