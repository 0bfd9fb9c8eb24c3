/**
 * Compares versions of AXIS OS and of its interfaces part by part, as numbers: `1.10` is older than `1.20`, `9.80.1` than `11.2`.
 * Negative when the first is older. What is no number counts as 0.
 */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0))
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
