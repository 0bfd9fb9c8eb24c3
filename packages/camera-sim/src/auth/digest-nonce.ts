import { createHmac, timingSafeEqual } from 'node:crypto'

type NonceState = 'usable' | 'stale' | 'foreign'

/** Nonces that need no memory until they are used: time, salt and a MAC over both. */
export interface NonceBook {
  issue(): string
  judge(nonce: string): NonceState
  /** Marks one count of a nonce as used; false when it was used before or lies too far back to tell. */
  use(nonce: string, count: number): boolean
  /** Makes all nonces so far foreign, as a reboot does. */
  forget(): void
}

interface UsedNonce {
  highest: number
  recent: Set<number>
}

export interface NonceBookOptions {
  nowMs: () => number
  lifeMs: number
  randomBytes: (size: number) => Buffer
}

// Requests sent side by side arrive out of order; counts this far below the highest are still told apart.
const countWindow = 128
const maxTracked = 256
const macLength = 12

export function createNonceBook(options: NonceBookOptions): NonceBook {
  const { nowMs, lifeMs, randomBytes } = options
  let secret = randomBytes(32)
  let oldestMs = 0
  const used = new Map<string, UsedNonce>()

  const mac = (body: Buffer) => createHmac('sha256', secret).update(body).digest().subarray(0, macLength)

  function issuedMs(nonce: string): number | null {
    const bytes = Buffer.from(nonce, 'base64url')
    const body = bytes.subarray(0, 16)
    if (bytes.length !== 16 + macLength || bytes.toString('base64url') !== nonce) return null
    return timingSafeEqual(mac(body), bytes.subarray(16)) ? body.readDoubleBE(0) : null
  }

  /** Forgetting a count would allow its replay, so a nonce that is no longer tracked is made stale instead. */
  function makeRoom(): void {
    if (used.size < maxTracked) return
    const [oldest] = used.keys()
    if (oldest === undefined) return
    oldestMs = Math.max(oldestMs, (issuedMs(oldest) ?? 0) + 1)
    used.delete(oldest)
  }

  return {
    issue() {
      const body = randomBytes(16)
      body.writeDoubleBE(nowMs(), 0)
      return Buffer.concat([body, mac(body)]).toString('base64url')
    },
    judge(nonce) {
      const issued = issuedMs(nonce)
      if (issued === null) return 'foreign'
      return issued < oldestMs || nowMs() >= issued + lifeMs ? 'stale' : 'usable'
    },
    use(nonce, count) {
      let entry = used.get(nonce)
      if (entry === undefined) {
        makeRoom()
        entry = { highest: 0, recent: new Set() }
        used.set(nonce, entry)
      }
      if (entry.recent.has(count) || count <= entry.highest - countWindow) return false
      entry.recent.add(count)
      entry.highest = Math.max(entry.highest, count)
      for (const old of entry.recent) if (old <= entry.highest - countWindow) entry.recent.delete(old)
      return true
    },
    forget() {
      secret = randomBytes(32)
      used.clear()
    },
  }
}
