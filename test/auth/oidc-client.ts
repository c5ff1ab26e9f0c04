// A client application: authorization code with PKCE S256, over HTTP, with a browser's cookie jar, and its API calls.
// Works with any issuer.
import { createHash, randomBytes } from 'node:crypto'

type Cookie = { value: string; path: string }

/** A browser: keeps cookies by their path, and follows redirects until `stopAt`. */
export function createBrowser() {
  const cookies = new Map<string, Cookie>()

  function cookiesFor({ pathname }: URL): string {
    return [...cookies]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([key, { value }]) => `${key.split('\n')[0]}=${value}`)
      .join('; ')
  }

  function keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/'
      const key = `${name}\n${path}`
      if (value === '') cookies.delete(key)
      else cookies.set(key, { value, path })
    }
  }

  async function open(address: string, stopAt: string, init: RequestInit = {}) {
    let url = new URL(address)
    let request = init
    for (let steps = 0; steps < 10; steps += 1) {
      const headers = new Headers(request.headers)
      headers.set('cookie', cookiesFor(url))
      const response = await fetch(url, { ...request, headers, redirect: 'manual' })
      keep(response)
      const location = response.headers.get('location')
      if (location === null) return { url, status: response.status, text: await response.text() }
      url = new URL(location, url)
      if (url.href.startsWith(stopAt)) return { url, status: response.status, text: '' }
      request = {}
    }
    throw new Error(`no end of redirects at ${url}`)
  }

  return { open }
}

export type Tokens = {
  access_token: string
  refresh_token: string
  id_token: string
  error?: string
}

export type Attempt = { url: string; verifier: string; state: string; redirectUri: string }

/** The URL for the browser, and what the application stores until it returns. */
export function newAttempt(
  issuer: string,
  client: { clientId: string; redirectUri: string },
  more: Record<string, string> = {},
): Attempt {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const parameters = {
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    response_type: 'code',
    scope: 'openid email',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  }
  return {
    url: `${issuer}/auth?${new URLSearchParams(parameters)}`,
    verifier,
    state,
    redirectUri: client.redirectUri,
  }
}

export async function askForTokens(
  issuer: string,
  parameters: Record<string, string>,
): Promise<Tokens & { status: number }> {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(parameters) })
  return { ...((await response.json()) as Tokens), status: response.status }
}

export const headOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
export const bodyOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

/** The tenant that answered, or the status and code of the refusal. */
export async function askAs(api: { url: string }, token: string, tenant?: string) {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      ...(tenant === undefined ? {} : { 'bulkhead-tenant': tenant }),
    },
    body: JSON.stringify({ query: '{ viewer { member { email } tenant { slug } } }' }),
  })
  const { data, errors } = (await response.json()) as {
    data?: { viewer: { member: { email: string }; tenant: { slug: string } } }
    errors?: { message: string; extensions: { code: string } }[]
  }
  if (data?.viewer) return `${data.viewer.member.email} at ${data.viewer.tenant.slug}`
  return `${response.status} ${errors?.[0]?.extensions.code}: ${errors?.[0]?.message}`
}
