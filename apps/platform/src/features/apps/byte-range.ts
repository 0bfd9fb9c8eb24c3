import type { ByteRange } from '../../platform/blob-store/blob-store.ts'

export type RangeAnswer = { kind: 'whole' } | { kind: 'part'; range: ByteRange } | { kind: 'unsatisfiable' }

/**
 * Reads a Range header for a representation of `size` bytes (RFC 9110 section 14.2). Several ranges, other units and
 * nonsense are answered by the whole, which the section allows.
 */
export function readRange(header: string | undefined, size: number): RangeAnswer {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return { kind: 'whole' }
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < Number(first)) return { kind: 'whole' }
  return start > end ? { kind: 'unsatisfiable' } : { kind: 'part', range: { start, end } }
}

/** Whether If-None-Match names this entity tag; the comparison is weak (RFC 9110 section 13.1.2). */
export function namesEntityTag(header: string | undefined, entityTag: string): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === entityTag)
}
