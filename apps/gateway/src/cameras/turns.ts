/** Work on places: at most so much at once, and one thing at a time at each place, in the order it came. */
export interface Turns {
  run(place: string, work: () => Promise<void>): Promise<void>
}

export function createTurns(atOnce: number): Turns {
  const last = new Map<string, Promise<void>>()
  const waiting: (() => void)[] = []
  let free = atOnce

  async function withSlot(work: () => Promise<void>): Promise<void> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }

  return {
    run(place, work) {
      const mine = (last.get(place) ?? Promise.resolve()).then(() => withSlot(work))
      const ended = mine
        .catch(() => undefined) // told to the caller through `mine`; who waits goes on all the same
        .then(() => {
          if (last.get(place) === ended) last.delete(place)
        })
      last.set(place, ended)
      return mine
    },
  }
}
