/** At most so many holders at once, served in the order of their asking. */
export interface Slots {
  /** Resolves when a slot is held; the answer gives it back and may be called more than once. */
  take(): Promise<() => void>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  return {
    async take() {
      if (free > 0) free--
      else await new Promise<void>((resolve) => waiting.push(resolve))
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    },
  }
}
