import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { InstallOptions } from './driver.ts'

/** Small enough that a slow line is used evenly, and a camera never waits long for the next piece. */
const pieceBytes = 16_384

/** A package's bytes, no faster than `pace` lets them go. The stream holds exactly the file, so its size can be told before. */
export function openPackage(path: string, { pace, signal }: Pick<InstallOptions, 'pace' | 'signal'>): Readable {
  if (!pace) return createReadStream(path)
  return Readable.from(inPieces(path, pace, signal), { highWaterMark: 1 })
}

async function* inPieces(
  path: string,
  pace: NonNullable<InstallOptions['pace']>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes }) as AsyncIterable<Buffer>) {
    await pace(piece.length, signal)
    yield piece
  }
}
