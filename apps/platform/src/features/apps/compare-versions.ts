/**
 * How a version text stands to another: `newer`, `older` or `same`. Numbers are compared segment by segment, missing ones
 * counted as 0; `4.5-2` is 4.5.2, as package.conf writes it. Behind the numbers the rules of Semantic Versioning hold:
 * `1.2.0-beta` comes before `1.2.0`, and what follows a `+` does not count. `unlike` when one of them is no such text.
 */
export function compareVersions(one: string, other: string): 'newer' | 'older' | 'same' | 'unlike' {
  const [left, right] = [readVersion(one), readVersion(other)]
  if (left === null || right === null) return one === other ? 'same' : 'unlike'
  const order = compareLists(left.numbers, right.numbers) || comparePreReleases(left.preRelease, right.preRelease)
  return order === 0 ? 'same' : order > 0 ? 'newer' : 'older'
}

interface ReadVersion {
  numbers: readonly bigint[]
  preRelease: readonly string[]
}

function readVersion(text: string): ReadVersion | null {
  const [, numbers, preRelease] = /^(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/.exec(fromPackageConf(text)) ?? []
  if (numbers === undefined) return null
  return { numbers: numbers.split('.').map(BigInt), preRelease: preRelease?.split('.') ?? [] }
}

/** Two numbers, a hyphen and a third: the form in which cameras list apps with package.conf only. */
const fromPackageConf = (text: string) => text.replace(/^(\d+\.\d+)-(\d+)/, '$1.$2')

function compareLists(left: readonly bigint[], right: readonly bigint[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [a, b] = [left[index] ?? 0n, right[index] ?? 0n]
    if (a !== b) return a > b ? 1 : -1
  }
  return 0
}

/** Semantic Versioning 2.0.0, section 11. */
function comparePreReleases(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length
  for (const [index, a] of left.entries()) {
    const b = right[index]
    if (b === undefined) return 1
    if (a !== b) return comparePart(a, b)
  }
  return left.length - right.length
}

function comparePart(a: string, b: string): number {
  const [isNumber, isOther] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (isNumber && isOther) return BigInt(a) === BigInt(b) ? 0 : BigInt(a) > BigInt(b) ? 1 : -1
  if (isNumber !== isOther) return isNumber ? -1 : 1
  return a > b ? 1 : -1
}
