import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

export const formType = 'application/x-www-form-urlencoded'

/**
 * Query and path are text on the wire: numbers and booleans are made of it before validation. Text that is not exactly the number
 * made of it, such as 1.5 where a whole one is meant, stays what it is, so that validation refuses it.
 */
export function fromWireText(schema: TSchema, given: unknown): unknown {
  const texts = Object.entries(given as Record<string, unknown>)
  const converted = Value.Convert(schema, given) as Record<string, unknown>
  for (const [name, text] of texts) {
    if (typeof converted[name] === 'number' && String(converted[name]) !== text) converted[name] = text
  }
  return converted
}
