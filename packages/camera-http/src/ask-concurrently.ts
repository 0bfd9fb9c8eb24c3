export type AskOptions<Item, Answer> = {
  /** Null: nothing to tell. A rejection ends the whole. */
  ask: (item: Item, signal: AbortSignal) => Promise<Answer | null>
  /** Questions under way at a time. */
  concurrency: number
  signal: AbortSignal
  /** Told after each item. */
  onAsked?: () => void
}

/**
 * Asks about every item, so many at a time, and gives the answers as they come. Items are taken one by one, and none while answers
 * wait to be taken, so neither a long range nor a slow reader fills memory. What is under way is cancelled when the reader
 * stops. Throws what `ask` throws, and the signal's reason.
 */
export async function* askConcurrently<Item, Answer>(
  items: Iterable<Item>,
  { ask, concurrency, signal, onAsked }: AskOptions<Item, Answer>,
): AsyncGenerator<Answer, void, void> {
  const stopped = new AbortController()
  const bounded = AbortSignal.any([signal, stopped.signal])
  const underWay = new Set<Promise<{ answer: Answer | null; isDone: () => void }>>()
  const source = items[Symbol.iterator]()
  let isExhausted = false

  function begin(): void {
    const next = source.next()
    if (next.done) {
      isExhausted = true
      return
    }
    const question = ask(next.value, bounded).then((answer) => ({
      answer,
      isDone: () => void underWay.delete(question),
    }))
    // Told by the race below; a question left behind by a reader that stopped must not end the process.
    question.catch(() => undefined)
    underWay.add(question)
  }

  try {
    for (;;) {
      signal.throwIfAborted()
      while (!isExhausted && underWay.size < concurrency) begin()
      if (underWay.size === 0) return
      const { answer, isDone } = await Promise.race(underWay)
      isDone()
      onAsked?.()
      if (answer !== null) yield answer
    }
  } finally {
    stopped.abort(new Error('Nobody waits for the answers any more.'))
    source.return?.()
  }
}
