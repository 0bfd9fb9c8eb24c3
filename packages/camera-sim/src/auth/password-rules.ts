/** What a camera asks of a password; a rule that is left out asks for nothing. */
export interface PasswordRules {
  minLength?: number | undefined
  maxLength?: number | undefined
  uppercase?: number | undefined
  digits?: number | undefined
  /** Characters that are neither letters nor digits. */
  special?: number | undefined
  /** The user's name may not be in it. */
  blocksUserName?: boolean | undefined
}

/** Null: the password keeps to the rules. */
export function brokenRule(
  { minLength = 0, maxLength = 64, uppercase = 0, digits = 0, special = 0, blocksUserName = false }: PasswordRules,
  { user, password }: { user: string; password: string },
): 'too-long' | 'too-weak' | null {
  const count = (pattern: RegExp) => password.match(pattern)?.length ?? 0
  if (password.length > maxLength) return 'too-long'
  const isEnough =
    password.length >= Math.max(1, minLength) &&
    count(/[A-Z]/g) >= uppercase &&
    count(/[0-9]/g) >= digits &&
    count(/[^A-Za-z0-9]/g) >= special
  const holdsName = blocksUserName && password.toLowerCase().includes(user.toLowerCase())
  return isEnough && !holdsName ? null : 'too-weak'
}
