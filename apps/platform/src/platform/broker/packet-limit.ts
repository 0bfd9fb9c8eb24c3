import type { Duplex } from 'node:stream'

/**
 * Counts the bytes of each MQTT packet by its announced length (MQTT 3.1.1, 2.2.3), so that nobody makes the parser
 * collect 256 MB. Gives true once a packet is longer than the limit at that time.
 */
export function createPacketMeter(limitBytes: () => number): (chunk: Uint8Array) => boolean {
  let state: 'type' | 'length' = 'type'
  let length = 0
  let shift = 0
  let bodyLeft = 0
  return (chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (bodyLeft > 0) {
        const step = Math.min(bodyLeft, chunk.length - at)
        bodyLeft -= step
        at += step
        continue
      }
      const byte = chunk[at++] ?? 0
      if (state === 'type') {
        state = 'length'
        length = 0
        shift = 0
        continue
      }
      length += (byte & 0x7f) * 2 ** shift
      shift += 7
      if (length > limitBytes() || shift > 28) return true
      if ((byte & 0x80) === 0) {
        state = 'type'
        bodyLeft = length
      }
    }
    return false
  }
}

/**
 * Ends a connection at the first packet that announces too much. The broker pulls with `read()`, so that is where the
 * bytes are seen: a listener for `data` would take them away from it. It asks once per `readable` and expects all that
 * is there, while Node 26 gives one chunk at a time and tells of the others only when they are asked for.
 */
export function limitPackets(connection: Duplex, limitBytes: () => number): void {
  const isTooLong = createPacketMeter(limitBytes)
  const read = connection.read.bind(connection)
  connection.read = (size?: number) => {
    // how a stream itself says "begin"; it takes nothing
    if (size === 0) return read(0)
    const chunks: Uint8Array[] = []
    for (let chunk: unknown = read(); chunk instanceof Uint8Array; chunk = read()) {
      if (isTooLong(chunk)) {
        connection.destroy(new Error('A packet is longer than this broker takes.'))
        return null
      }
      chunks.push(chunk)
    }
    return chunks.length > 1 ? Buffer.concat(chunks) : (chunks[0] ?? null)
  }
}
