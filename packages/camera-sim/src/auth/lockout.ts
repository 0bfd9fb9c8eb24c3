/** How a camera defends itself against guessing: refusals in a row, whoever they come from, then silence for a while. */
export interface LockoutPolicy {
  afterRefusals: number
  lockMs: number
}

export interface Lockout {
  isLocked(): boolean
  refused(): void
  accepted(): void
  /** All refused logins since the camera was made; survives reboots, unlike the lock. */
  refusedLogins(): number
  reset(): void
}

/** `policy` null: never locks, still counts. */
export function createLockout(options: { policy: LockoutPolicy | null; nowMs: () => number }): Lockout {
  const { policy, nowMs } = options
  let total = 0
  let inARow = 0
  let lockedUntilMs = 0
  const isLocked = () => nowMs() < lockedUntilMs
  return {
    isLocked,
    refused() {
      total += 1
      // Trying on does not prolong a lock: the time printed in a manual counts from the refusal that caused it.
      if (policy === null || isLocked()) return
      inARow += 1
      if (inARow < policy.afterRefusals) return
      lockedUntilMs = nowMs() + policy.lockMs
      inARow = 0
    },
    accepted() {
      inARow = 0
    },
    refusedLogins: () => total,
    reset() {
      inARow = 0
      lockedUntilMs = 0
    },
  }
}
