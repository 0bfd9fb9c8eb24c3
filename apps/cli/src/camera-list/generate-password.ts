/**
 * Characters that people do not take for one another, and signs that neither URLs nor CSV nor shells give a meaning to: passwords end
 * up in RTSP addresses and in the lists of video management systems.
 */
const alphabet = {
  upper: 'ABCDEFGHJKLMNPQRSTUVWXYZ',
  lower: 'abcdefghijkmnpqrstuvwxyz',
  digits: '23456789',
  signs: '-_.!',
}
const all = Object.values(alphabet).join('')

/**
 * The one length that fits both ends: Hanwha's cameras take 15 characters at most (reference guide of the QND-6011), and the policy
 * `length` of Axis's user management API (v2, beta) wants 15 at least.
 */
export const usualLength = 15
export const [shortest, longest] = [8, 64]

/**
 * A password that cameras of all makers whose rules are public take: letters of both cases, digits and a sign, beginning with a letter,
 * no character twice in a row, no three in a row of the alphabet or the digits, and without the user's name. Every such password is
 * equally likely; 15 characters hold more than 80 bits. `random` gives that many unpredictable bytes.
 */
export function generatePassword(
  { user, length = usualLength }: { user: string; length?: number },
  random: (bytes: number) => Uint8Array,
): string {
  for (;;) {
    const password = draw(length, random)
    if (keepsToRules(password, user)) return password
  }
}

function draw(length: number, random: (bytes: number) => Uint8Array): string {
  // Bytes beyond the last whole alphabet would make its first characters likelier.
  const limit = 256 - (256 % all.length)
  let text = ''
  while (text.length < length) {
    for (const byte of random(length)) if (byte < limit && text.length < length) text += all[byte % all.length]
  }
  return text
}

function keepsToRules(password: string, user: string): boolean {
  const holds = (characters: string) => [...password].some((one) => characters.includes(one))
  const codes = [...password.toLowerCase()].map((one) => one.charCodeAt(0))
  const steps = codes.slice(1).map((code, index) => code - (codes[index] ?? 0))
  const hasRow = steps.some((step, index) => Math.abs(step) === 1 && step === steps[index + 1])
  const holdsName = user !== '' && password.toLowerCase().includes(user.toLowerCase())
  return (
    Object.values(alphabet).every(holds) && /^[A-Za-z]/.test(password) && !steps.includes(0) && !hasRow && !holdsName
  )
}
