import { cancellation } from './camera-http-error.ts'

/** Runs a task when all earlier ones have ended. A task whose signal aborts while it waits never starts. */
export type SerialQueue = <Result>(task: () => Promise<Result>, signal?: AbortSignal) => Promise<Result>

/** One request in flight per camera: small cameras accept a single connection and fail in odd ways on a second. */
export function createSerialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve()

  return async (task, signal) => {
    const before = last
    const turn = Promise.withResolvers<void>()
    // A waiter that gives up must not let the next one pass those that are still before it.
    last = Promise.all([before, turn.promise])
    try {
      await untilDoneOrAborted(before, signal)
      return await task()
    } finally {
      turn.resolve()
    }
  }
}

async function untilDoneOrAborted(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await before
    return
  }
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(cancellation(signal))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([aborted.promise, before])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
