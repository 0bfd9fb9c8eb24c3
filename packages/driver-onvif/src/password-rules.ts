import type { PasswordComplexity } from '@ocelli/onvif'

/** What a camera tells of its rules; null: nothing. */
export interface PasswordRules {
  maxLength: number | null
  complexity: PasswordComplexity | null
}

/**
 * Null for a password that may be sent, else a sentence that says what to do. Other characters than those of ASCII are not sent: HTTP
 * Digest has no agreed encoding for them, so that one client would get in and the next would not. Blanks at the ends get lost in XML.
 */
export function whyNotAllowed(
  password: string,
  { user, rules: { maxLength, complexity } }: { user: string; rules: PasswordRules },
): string | null {
  if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(password)) {
    return 'A password for a camera has characters of an English keyboard only, and no blank at its ends.'
  }
  if (maxLength !== null && password.length > maxLength) return `The camera takes ${maxLength} characters at most.`
  return complexity === null ? null : whyTooWeak(password, user, complexity)
}

function whyTooWeak(password: string, user: string, complexity: PasswordComplexity): string | null {
  const { minLength, uppercase, digits, special, blocksUserName } = complexity
  const count = (pattern: RegExp) => password.match(pattern)?.length ?? 0
  const missing = [
    password.length < minLength ? `${minLength} characters` : null,
    count(/[A-Z]/g) < uppercase ? `${uppercase} capital letter(s)` : null,
    count(/[0-9]/g) < digits ? `${digits} digit(s)` : null,
    count(/[^A-Za-z0-9]/g) < special ? `${special} character(s) that are neither letters nor digits` : null,
  ].filter((rule) => rule !== null)
  if (missing.length > 0) return `The camera wants at least ${missing.join(', ')} in a password.`
  const holdsName = user !== '' && password.toLowerCase().includes(user.toLowerCase())
  return blocksUserName && holdsName ? 'The camera does not take a password that has the user name in it.' : null
}
