/** A hash that takes its input in pieces, which Web Crypto cannot. */
export interface IncrementalHash {
  update(bytes: Uint8Array): void
  /** Lower-case hex. To be asked for once, at the end. */
  hex(): string
}

// FIPS 180-4, 4.2.2 and 5.3.3: fractional parts of the cube and square roots of the first primes
const primes = Array.from({ length: 312 }, (_, index) => index).filter(
  (number) =>
    number > 1 &&
    !Array.from({ length: number - 2 }, (_, index) => index + 2).some((divisor) => number % divisor === 0),
)
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0
const roundConstants = Int32Array.from(primes.slice(0, 64), (prime) => fraction(Math.cbrt(prime)))
const initialState = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

/** SHA-256 (FIPS 180-4). */
export function createSha256(): IncrementalHash {
  const state = Int32Array.from(initialState)
  const schedule = new Int32Array(64)
  const block = new Uint8Array(64)
  const view = new DataView(block.buffer)
  let filled = 0
  let length = 0

  const update = (bytes: Uint8Array) => {
    length += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + 64 - filled)
      block.set(piece, filled)
      at += piece.length
      filled += piece.length
      if (filled === 64) {
        compress(state, schedule, view)
        filled = 0
      }
    }
  }
  return {
    update,
    hex() {
      const bits = length * 8
      const padding = new Uint8Array(filled < 56 ? 64 - filled : 128 - filled)
      padding[0] = 0x80
      const tail = new DataView(padding.buffer)
      tail.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32))
      tail.setUint32(padding.length - 4, bits >>> 0)
      update(padding)
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
    },
  }
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))
const at = (words: Int32Array, index: number): number => words[index] as number

/** FIPS 180-4, 6.2.2 */
function compress(state: Int32Array, w: Int32Array, block: DataView): void {
  for (let t = 0; t < 16; t++) w[t] = block.getInt32(t * 4)
  for (let t = 16; t < 64; t++) {
    const [early, late] = [at(w, t - 15), at(w, t - 2)]
    const sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)
    const sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10)
    w[t] = at(w, t - 16) + sigma0 + at(w, t - 7) + sigma1
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const choice = (e & f) ^ (~e & g)
    const first = (h + sum1 + choice + at(roundConstants, t) + at(w, t)) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + sum0 + majority) | 0
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = at(state, index) + word
}
