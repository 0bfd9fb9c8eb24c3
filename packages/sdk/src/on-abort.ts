const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `run` when the signal aborts, at once if it has; gives what takes that back. One listener of ours per signal,
 * however many wait: a batch waits hundreds of times on one signal, and Node 20 warns of a leak at the eleventh.
 */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (!signal) return () => {}
  if (signal.aborted) {
    run()
    return () => {}
  }
  const known = waiting.get(signal)
  const runs = known ?? new Set()
  if (!known) {
    waiting.set(signal, runs)
    signal.addEventListener('abort', () => {
      for (const each of [...runs]) if (runs.delete(each)) each()
    })
  }
  // the same function may be given twice
  const mine = () => run()
  runs.add(mine)
  return () => void runs.delete(mine)
}
