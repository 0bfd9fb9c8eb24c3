/** Takes bytes off a stream of chunks by count. */
export interface ChunkReader {
  /** Exactly so many bytes; fewer only where the stream ends. */
  take(length: number): Promise<Buffer>
  /** Skips so many bytes; false when the stream ends before. */
  skip(length: number): Promise<boolean>
  /** The next bytes as they come; null at the end. */
  next(): Promise<Buffer | null>
}

export function createChunkReader(chunks: AsyncGenerator<Buffer>): ChunkReader {
  let rest: Buffer = Buffer.alloc(0)

  async function fill(): Promise<boolean> {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done) return false
      rest = next.value
    }
    return true
  }

  async function part(max: number): Promise<Buffer | null> {
    if (!(await fill())) return null
    const piece = rest.subarray(0, max)
    rest = rest.subarray(piece.length)
    return piece
  }

  return {
    async take(length) {
      const pieces: Buffer[] = []
      let missing = length
      while (missing > 0) {
        const piece = await part(missing)
        if (piece === null) break
        pieces.push(piece)
        missing -= piece.length
      }
      return Buffer.concat(pieces)
    },
    async skip(length) {
      let missing = length
      while (missing > 0) {
        const piece = await part(missing)
        if (piece === null) return false
        missing -= piece.length
      }
      return true
    },
    next: () => part(Number.MAX_SAFE_INTEGER),
  }
}
