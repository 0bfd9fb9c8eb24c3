/** The text of a file that a person made: UTF-8, or UTF-16 with its mark, as `>` writes in Windows' PowerShell. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  // takes the mark away, too
  return new TextDecoder(encoding).decode(bytes)
}
