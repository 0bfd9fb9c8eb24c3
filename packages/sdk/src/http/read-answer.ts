import { OcelliError } from '../errors/ocelli-error.ts'
import { type OpenResponse, readText } from './read-body.ts'

const hasJsonType = (response: Response): boolean =>
  /^application\/(?:[\w.-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')

/** The JSON of a successful answer. Throws `answer-cut-off` (worth another attempt) or `not-json` (a proxy's page). */
export async function readJson(open: OpenResponse, maxBytes: number): Promise<unknown> {
  const { response } = open
  const text = await readText(open, maxBytes)
  const facts = {
    kind: 'bad-answer',
    status: response.status,
    requestId: response.headers.get('x-request-id'),
  } as const
  if (!hasJsonType(response)) {
    const type = response.headers.get('content-type') ?? 'no content type'
    throw new OcelliError(
      `The answer is ${type} instead of JSON. Check the base URL, and whether a proxy or a sign-in page is in between.`,
      { ...facts, code: 'not-json' },
    )
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new OcelliError('The answer broke off before its end.', {
      ...{ ...facts, code: 'answer-cut-off', retryable: true, cause },
    })
  }
}
