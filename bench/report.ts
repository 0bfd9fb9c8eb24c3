import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What was measured against what it should be. `isAtLeast`: more is better. */
export interface Target {
  value: number
  isAtLeast: boolean
}

export function printMachine(): void {
  const model = cpus()[0]?.model.trim() ?? 'unknown'
  const memoryGb = (totalmem() / 1e9).toFixed(0)
  const load = loadavg().map((value) => value.toFixed(1))
  print(`${availableParallelism()} cores, ${model}, ${memoryGb} GB, Node ${process.version}, ${process.platform}`)
  print(`load average before the run: ${load.join(' ')} (work of others makes absolute figures worse)`)
}

/** One line: the median of the rounds, their spread, and the target. Gives the median. */
export function printFigure(
  name: string,
  rounds: number[],
  { unit, digits = 1, target }: { unit: string; digits?: number; target?: Target },
): number {
  const middle = median(rounds)
  const spread =
    rounds.length > 1 ? ` (${Math.min(...rounds).toFixed(digits)} to ${Math.max(...rounds).toFixed(digits)})` : ''
  print(`${name.padEnd(58)} ${middle.toFixed(digits)} ${unit}${spread}${target ? verdict(middle, target) : ''}`)
  return middle
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function median(values: number[]): number {
  return quantile(values, 0.5)
}

/** The smallest value that at least this share of the values does not exceed. Throws without values. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  if (value === undefined) throw new Error('Nothing was measured.')
  return value
}

function verdict(value: number, { value: limit, isAtLeast }: Target): string {
  const isMet = isAtLeast ? value >= limit : value <= limit
  return `   target ${isAtLeast ? 'at least' : 'at most'} ${limit}: ${isMet ? 'met' : 'MISSED'}`
}
