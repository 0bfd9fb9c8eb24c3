import type { FaultSet } from '../faults.ts'
import type { Timers } from '../time.ts'
import { brokenRule } from './password-rules.ts'

/** Why a camera does not take a new password. */
export type PasswordRefusal = { kind: 'too-long' | 'too-weak' } | { kind: 'by-policy'; words: string }

/** What a camera does with new passwords, as the faults in force have it. */
export interface PasswordChanges {
  /** Null: it is taken. */
  judge(change: { user: string; password: string }): PasswordRefusal | null
  /** Lets a password that was taken count, by `apply`. */
  take(apply: () => void): void
}

export function createPasswordChanges(parts: { faults: FaultSet; timers: Pick<Timers, 'after'> }): PasswordChanges {
  const { faults, timers } = parts
  return {
    judge(change) {
      const words = faults.get('refusePassword')
      if (words !== undefined) return { kind: 'by-policy', words }
      const broken = brokenRule(faults.get('passwordRules') ?? {}, change)
      return broken === null ? null : { kind: broken }
    },
    take(apply) {
      const delayMs = faults.get('passwordTakesMs')
      if (delayMs !== undefined) timers.after(delayMs, apply)
      else if (!faults.get('keepsPassword')) apply()
    },
  }
}
