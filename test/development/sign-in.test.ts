// The development issuer for an application and a browser: metadata, choosing a person, tokens for the API, and refused
// clients.
import { request } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { askForTokens, bodyOf, createBrowser, newAttempt } from '../auth/oidc-client.ts'
import { type FrontDoor, memberDatabase, openFrontDoor } from '../edge/front-door.ts'

let door: FrontDoor
let issuer: string
let explorer: { clientId: string; redirectUri: string }
const LOCAL = { clientId: 'local', redirectUri: 'http://127.0.0.1:5173/callback' }
beforeAll(async () => {
  door = await openFrontDoor({ database: memberDatabase({ resolveSupport: async () => null }) })
  issuer = `${door.url}/oidc`
  explorer = { clientId: 'bulkhead', redirectUri: `${door.url}/graphiql` }
})
afterAll(() => door?.close())

/** Begins signing in, and submits the page's form. */
async function choose(fields: Record<string, string>, { client = explorer, browser = createBrowser() } = {}) {
  const attempt = newAttempt(issuer, client)
  const page = await browser.open(attempt.url, client.redirectUri)
  const back = await browser.open(page.url.href, client.redirectUri, {
    method: 'POST',
    body: new URLSearchParams(fields),
  })
  return { attempt, page, back, browser }
}

async function tokensOf({ attempt, back }: Awaited<ReturnType<typeof choose>>, client = explorer) {
  expect(back.url.searchParams.get('state')).toBe(attempt.state)
  expect(back.url.searchParams.get('iss')).toBe(issuer)
  return askForTokens(issuer, {
    grant_type: 'authorization_code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    code: back.url.searchParams.get('code') ?? '',
    code_verifier: attempt.verifier,
  })
}

async function hello(token: string, tenant = 'acme'): Promise<number> {
  const { status } = await door.send('/graphql', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'bulkhead-tenant': tenant,
      'content-type': 'application/json',
    },
    body: '{"query":"{ hello }"}',
  })
  return status
}

it('says what it is, like any other', async () => {
  const { status, body } = await door.send('/oidc/.well-known/openid-configuration')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    code_challenge_methods_supported: ['S256'],
  })
  const { body: jwks } = await door.send('/oidc/jwks')
  expect(jwks.keys).toHaveLength(1)
  expect(jwks.keys[0]).not.toHaveProperty('d')
})

it('offers the members of both demo tenants', async () => {
  const { page } = await choose({ email: 'owner@acme.example' })
  expect(page.status).toBe(200)
  expect(page.text.match(/<button name="email" value="[a-z]+@(acme|globex)\.example">/g)).toHaveLength(8)
  expect(page.text).not.toMatch(/(https?:)?\/\/[a-z]/i)
})

it('signs in the chosen person, and the API accepts the token', async () => {
  const tokens = await tokensOf(await choose({ email: 'Owner@Acme.example' }))
  expect(bodyOf(tokens.access_token)).toMatchObject({
    iss: issuer,
    aud: 'bulkhead',
    sub: 'owner@acme.example',
    email: 'owner@acme.example',
    email_verified: true,
  })
  expect(bodyOf(tokens.access_token)).not.toHaveProperty('support')
  expect(bodyOf(tokens.id_token)).toMatchObject({ aud: 'bulkhead', email: 'owner@acme.example' })
  expect(await hello(tokens.access_token)).toBe(200)
})

it('names the tenant under which a person was chosen in the ID token alone', async () => {
  const tokens = await tokensOf(await choose({ email: 'owner@acme.example', tenant: 'acme' }))
  expect(bodyOf(tokens.id_token)).toMatchObject({ email: 'owner@acme.example', chosen_tenant: 'acme' })
  expect(bodyOf(tokens.access_token)).toMatchObject({ email: 'owner@acme.example' })
  expect(bodyOf(tokens.access_token)).not.toHaveProperty('chosen_tenant')
  expect(await hello(tokens.access_token)).toBe(200)
})

it.each(['acme|x', 'Acme', ''])('refuses the tenant %j, which is no slug', async (tenant) => {
  const { back } = await choose({ email: 'owner@acme.example', tenant })
  expect(back.status).toBe(400)
})

it('its ID token is no access token, though both are for bulkhead', async () => {
  const { id_token: token } = await tokensOf(await choose({ email: 'owner@acme.example' }))
  expect(await hello(token)).toBe(401)
})

it('cross-tenant: signs in anybody, but gives no membership', async () => {
  const tokens = await tokensOf(await choose({ email: 'owner@globex.example' }))
  expect(await hello(tokens.access_token, 'nowhere')).toBe(403)
})

it('knows platform staff, who need a tenant’s grant', async () => {
  const tokens = await tokensOf(await choose({ email: 'help@platform.example', support: 'true' }))
  expect(bodyOf(tokens.access_token)).toMatchObject({ email: 'help@platform.example', support: true })
  expect(await hello(tokens.access_token)).toBe(403)
})

it('renews tokens, and takes each refresh token once', async () => {
  const before = await tokensOf(await choose({ email: 'owner@acme.example' }))
  const renew = () =>
    askForTokens(issuer, {
      grant_type: 'refresh_token',
      client_id: explorer.clientId,
      refresh_token: before.refresh_token,
    })
  const after = await renew()
  expect(await hello(after.access_token)).toBe(200)
  expect(await renew()).toMatchObject({ status: 400, error: 'invalid_grant' })
})

it('remembers a browser, until the prompt asks again', async () => {
  const { browser } = await choose({ email: 'owner@acme.example' })
  const again = await browser.open(newAttempt(issuer, explorer).url, explorer.redirectUri)
  expect(again.url.searchParams.has('code')).toBe(true)
  const asked = await browser.open(
    newAttempt(issuer, explorer, { prompt: 'login' }).url,
    explorer.redirectUri,
  )
  expect(asked.text).toContain('Choose who you are')
})

it('serves programs on this machine at any port, and asks each time', async () => {
  const chosen = await choose({ email: 'staff@acme.example' }, { client: LOCAL })
  const tokens = await tokensOf(chosen, LOCAL)
  expect(await hello(tokens.access_token)).toBe(200)
  const again = await chosen.browser.open(newAttempt(issuer, LOCAL).url, LOCAL.redirectUri)
  expect(again.text).toContain('Choose who you are')
})

it('redirects only to this machine, and requires PKCE for codes', async () => {
  const elsewhere = { clientId: 'bulkhead', redirectUri: 'https://evil.example/graphiql' }
  const page = await createBrowser().open(newAttempt(issuer, elsewhere).url, elsewhere.redirectUri)
  expect([page.status, page.url.origin]).toEqual([400, door.url])
  const { url } = newAttempt(issuer, explorer)
  const bare = url.replace(/code_challenge[^&]*=[^&]*&?/g, '')
  const back = await createBrowser().open(bare, explorer.redirectUri)
  expect(back.url.searchParams.get('error')).toBe('invalid_request')
})

it('returns without a person on cancelling, and asks again after an invalid address', async () => {
  const { back } = await choose({ cancel: 'true' })
  expect(back.url.searchParams.get('error')).toBe('access_denied')
  const wrong = await choose({ email: 'nobody' })
  expect([wrong.back.status, wrong.back.text.includes('This is not an e-mail address.')]).toEqual([400, true])
  const odd = await choose({ email: '"><script>alert(1)</script>@acme.example' })
  expect([odd.back.status, odd.back.text.includes('<script>')]).toEqual([400, false])
})

it('accepts a choice only in the browser in which it was begun', async () => {
  const attempt = newAttempt(issuer, explorer)
  const page = await createBrowser().open(attempt.url, explorer.redirectUri)
  const other = await createBrowser().open(page.url.href, explorer.redirectUri, {
    method: 'POST',
    body: new URLSearchParams({ email: 'owner@acme.example' }),
  })
  expect([other.status, other.text.includes('begun in another browser')]).toEqual([400, true])
})

it('answers only under its own name, so that no other DNS name can reach it', async () => {
  const paths = ['/oidc/auth', '/oidc/choose/x', '/oidc/.well-known/openid-configuration', '/graphiql']
  for (const path of paths) {
    const { status, location } = await new Promise<{ status?: number; location?: string }>(
      (resolve, reject) => {
        const { port } = new URL(door.url)
        const options = { port, host: '127.0.0.1', path, headers: { host: 'evil.example' } }
        request(options, (response) => {
          response.resume()
          resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '' })
        })
          .on('error', reject)
          .end()
      },
    )
    expect([path, status, location]).toEqual([path, 404, ''])
  }
})

it('does not exist in production', async () => {
  const production = await openFrontDoor({ production: true })
  for (const path of [
    '/oidc/.well-known/openid-configuration',
    '/oidc/auth',
    '/graphiql',
    '/graphiql/explorer.js',
  ]) {
    expect((await production.send(path)).status).toBe(404)
  }
  await production.close()
})
