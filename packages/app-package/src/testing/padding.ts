const padChunk = 1024 * 1024

/** The same bytes each time: one chunk of a linear congruential sequence (Numerical Recipes), over and over. */
export function* padding(length: number): Generator<Buffer> {
  const chunk = Buffer.alloc(Math.min(padChunk, length))
  let state = 1
  for (let at = 0; at < chunk.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    chunk[at] = state >>> 24
  }
  for (let rest = length; rest > 0; rest -= chunk.length) yield chunk.subarray(0, rest)
}
