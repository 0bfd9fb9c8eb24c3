/** The broker may deliver before the connection is told of: what comes early waits for that, in its order. */
export function createInbox(deliver: (text: string) => void) {
  let early: string[] | null = []
  return {
    take(text: string): void {
      if (early) early.push(text)
      else deliver(text)
    },
    open(): void {
      const waiting = early ?? []
      early = null
      for (const text of waiting) deliver(text)
    },
  }
}
