export interface Answer<Body = Record<string, unknown>> {
  status: number
  body: Body
}

export interface ApiClient {
  /** Calls the API as the technical user. */
  call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  /** What GET gives, as text. Throws when it is refused. */
  download(path: string): Promise<string>
}

/** Below the ten minutes that an access token lives. */
const tokenLifeMs = 300_000

export function createApiClient(options: { url: string; clientId: string; clientSecret: string }): ApiClient {
  const { url, clientId, clientSecret } = options
  let token: { value: string; untilMs: number } | null = null

  async function accessToken(): Promise<string> {
    if (token && token.untilMs > Date.now()) return token.value
    const answer = await fetch(`${url}/auth/v1/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
    })
    if (!answer.ok) throw new Error(`No access token: ${answer.status} ${await answer.text()}`)
    const body = (await answer.json()) as { access_token: string }
    token = { value: body.access_token, untilMs: Date.now() + tokenLifeMs }
    return token.value
  }

  return {
    async call(method, path, body, headers = {}) {
      const isBinary = body instanceof Uint8Array
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await accessToken()}`,
          ...(body === undefined || isBinary ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: isBinary ? (body as Uint8Array<ArrayBuffer>) : body === undefined ? undefined : JSON.stringify(body),
      })
      const text = await answer.text()
      return { status: answer.status, body: (text ? JSON.parse(text) : null) as never }
    },
    async download(path) {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${await accessToken()}` } })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${text}`)
      return text
    },
  }
}
