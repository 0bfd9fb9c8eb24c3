import { Readable } from 'node:stream'
import { ProblemError } from './problem.ts'

interface Given {
  params: unknown
  query: unknown
  body: unknown
}

/**
 * Refuses text that PostgreSQL cannot hold, which every schema lets through: U+0000, and in JSON documents half of a surrogate pair.
 * Found by the database, it would be an error of ours that clients are told to repeat. A body that is still to be read holds none:
 * a stream knows its socket and that its stream, round and round. Throws ProblemError `invalid-request`.
 */
export function refuseUnstorable({ params, query, body }: Given): void {
  const pointer =
    findUnstorable(params) ?? findUnstorable(query) ?? findUnstorable(body instanceof Readable ? null : body)
  if (pointer === null) return
  const detail = 'holds U+0000, or half of a surrogate pair'
  throw new ProblemError('invalid-request', `The request's text at ${pointer || '/'} ${detail}. Leave it out.`, {
    errors: [{ pointer, code: 'unstorable-text', detail }],
  })
}

/** JSON pointer to the text; null where there is none. With a list of its own, because a body may be nested deeper than calls. */
function findUnstorable(given: unknown): string | null {
  const left: { value: unknown; pointer: string }[] = [{ value: given, pointer: '' }]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, pointer } = next
    if (typeof value === 'string' && !isStorable(value)) return pointer
    if (typeof value !== 'object' || value === null) continue
    for (const [name, inner] of Object.entries(value)) {
      if (!isStorable(name)) return pointer
      left.push({ value: inner, pointer: `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` })
    }
  }
  return null
}

/** Whether PostgreSQL can hold it, as text and inside a JSON document. */
export const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
