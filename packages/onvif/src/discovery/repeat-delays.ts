/** SOAP-over-UDP, appendix I: the first gap is 50 to 250 ms, each next one twice as long, 500 ms at most. */
const [MIN_MS, MAX_MS, UPPER_MS] = [50, 250, 500]

/** How often a message is sent: a lost datagram is not noticed by anybody. */
export const SENDINGS = { multicast: 4, unicast: 2 } as const

/** The waits between the sendings of one message, in milliseconds. */
export function* repeatDelays(sendings: number, random: () => number): Generator<number, void> {
  let delayMs = MIN_MS + random() * (MAX_MS - MIN_MS)
  for (let left = sendings - 1; left > 0; left--) {
    yield delayMs
    delayMs = Math.min(delayMs * 2, UPPER_MS)
  }
}
