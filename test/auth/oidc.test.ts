// Signing in through an external OpenID provider: a real one, over HTTP, from the authorization code to an API answer.
// oidc-keys.test.ts has key changes and outages.
import { createHmac } from 'node:crypto'
import { exportSPKI, importJWK, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, emailOf, startApi } from '../support/api.ts'
import { askAs, askForTokens, bodyOf, createBrowser, headOf, newAttempt } from './oidc-client.ts'
import { API, CLIENT, type OidcIssuer, OTHER_API, startOidcIssuer, TENANTS_CLAIM } from './oidc-issuer.ts'
import { compact, createSigningKey, type SigningKey } from './token-setup.ts'

const OWNER_A = emailOf('A', 'OWNER')

let one: SigningKey
let two: SigningKey
beforeAll(async () => {
  one = await createSigningKey('RS256', 'one')
  two = await createSigningKey('RS256', 'two')
})

describe('an issuer that is known by its name alone', () => {
  let issuer: OidcIssuer
  let api: Api
  beforeAll(async () => {
    issuer = await startOidcIssuer([one])
    api = await startApi({ issuers: [{ issuer: issuer.url, audience: 'bulkhead', algorithms: ['RS256'] }] })
  })
  afterAll(async () => {
    await api?.close()
    await issuer?.stop()
  })

  it('signs a member in by authorization code with PKCE, and its at+jwt is taken', async () => {
    const { access_token: token } = await issuer.signIn(OWNER_A)
    expect(headOf(token)).toEqual({ typ: 'at+jwt', alg: 'RS256', kid: 'one' })
    expect(bodyOf(token)).toMatchObject({ iss: issuer.url, aud: 'bulkhead', email: OWNER_A })
    expect(await askAs(api, token, 'anchor')).toBe(`${OWNER_A} at anchor`)
  })

  it('gives no token for the code without its verifier', async () => {
    const attempt = newAttempt(issuer.url, CLIENT, { login_hint: OWNER_A, resource: API })
    const { url } = await createBrowser().open(attempt.url, CLIENT.redirectUri)
    expect(url.searchParams.get('state')).toBe(attempt.state)
    const stolen = await askForTokens(issuer.url, {
      grant_type: 'authorization_code',
      client_id: CLIENT.clientId,
      redirect_uri: CLIENT.redirectUri,
      code: url.searchParams.get('code') ?? '',
      code_verifier: 'v'.repeat(43),
    })
    expect([stolen.status, stolen.error]).toEqual([400, 'invalid_grant'])
  })

  it('renews a token, and the new one is taken', async () => {
    const before = await issuer.signIn(OWNER_A)
    const after = await issuer.refresh(before.refresh_token)
    expect(after.access_token).not.toBe(before.access_token)
    expect(await askAs(api, after.access_token, 'anchor')).toBe(`${OWNER_A} at anchor`)
  })

  it('case 31: names no tenant, so the caller does, and must be a member there', async () => {
    const { access_token: token } = await issuer.signIn(OWNER_A)
    expect(await askAs(api, token)).toMatch(/^403 TENANT_REQUIRED/)
    expect(await askAs(api, token, 'bollard')).toMatch(/^403 FORBIDDEN/)
    const { access_token: stranger } = await issuer.signIn('stranger@example.com')
    expect(await askAs(api, stranger, 'anchor')).toMatch(/^403 FORBIDDEN/)
  })

  it('case 30: its token for another API is refused, and so is one that is no JWT', async () => {
    const other = await issuer.signIn(OWNER_A, { resource: OTHER_API })
    expect(bodyOf(other.access_token)).toMatchObject({ aud: 'somebody-else' })
    expect(await askAs(api, other.access_token, 'anchor')).toMatch(/^401 .*another audience/)
    const opaque = await issuer.signIn(OWNER_A, { resource: null })
    expect(await askAs(api, opaque.access_token, 'anchor')).toMatch(/^401 .*malformed/)
    expect(await askAs(api, other.refresh_token, 'anchor')).toMatch(/^401 /)
  })

  it('case 30: its ID token is no access token', async () => {
    const { id_token: token } = await issuer.signIn(OWNER_A)
    expect(bodyOf(token)).toMatchObject({ iss: issuer.url, email: OWNER_A })
    expect(await askAs(api, token, 'anchor')).toMatch(/^401 .*another audience/)
  })

  it('case 30: its ID token is refused even where the audience is the application, once tokens must say their type', async () => {
    const config = { issuer: issuer.url, audience: CLIENT.clientId, algorithms: ['RS256'] }
    const strict = await startApi({ issuers: [{ ...config, tokenType: 'at+jwt' }] })
    const { id_token: token } = await issuer.signIn(OWNER_A)
    expect(bodyOf(token).aud).toBe(CLIENT.clientId)
    expect(await askAs(strict, token, 'anchor')).toMatch(/^401 .*not an access token/)
    await strict.close()
  })

  it('that must say the type of its tokens is taken when they do', async () => {
    const config = { issuer: issuer.url, audience: 'bulkhead', algorithms: ['RS256'] }
    const strict = await startApi({ issuers: [{ ...config, tokenType: 'at+jwt' }] })
    const { access_token: token } = await issuer.signIn(OWNER_A)
    expect(await askAs(strict, token, 'anchor')).toBe(`${OWNER_A} at anchor`)
    await strict.close()
  })

  it('case 29: a token rewritten as alg none, or as HS256 with the public key, is refused', async () => {
    const { access_token: token } = await issuer.signIn(OWNER_A)
    const payload = bodyOf(token)
    const head = headOf(token)
    const { keys } = (await (await fetch(`${issuer.url}/jwks`)).json()) as { keys: JWK[] }
    const publicKey = await importJWK(keys[0] ?? {}, 'RS256')
    if (publicKey instanceof Uint8Array) throw new Error('a public key is asymmetric')
    const secrets = [await exportSPKI(publicKey), JSON.stringify(keys[0]), keys[0]?.n ?? '']
    const forged = [
      compact({ ...head, alg: 'none' }, payload, ''),
      compact({ ...head, alg: 'none' }, payload, token.split('.')[2] ?? ''),
      ...secrets.map((secret) =>
        compact({ ...head, alg: 'HS256' }, payload, (input) =>
          createHmac('sha256', secret).update(input).digest('base64url'),
        ),
      ),
      compact(head, { ...payload, email: emailOf('B', 'OWNER') }, token.split('.')[2] ?? ''),
    ]
    for (const text of forged) expect(await askAs(api, text, 'anchor')).toMatch(/^401 UNAUTHENTICATED/)
    expect(await askAs(api, token, 'anchor')).toBe(`${OWNER_A} at anchor`)
  })
})

describe('an issuer that names tenants', () => {
  let issuer: OidcIssuer
  let api: Api
  beforeAll(async () => {
    issuer = await startOidcIssuer([one])
    const config = { audience: 'bulkhead', algorithms: ['RS256'], tenantClaim: TENANTS_CLAIM }
    api = await startApi({ issuers: [{ issuer: issuer.url, ...config }] })
  })
  afterAll(async () => {
    await api?.close()
    await issuer?.stop()
  })

  it('is the one that it names as text, without a header', async () => {
    const { access_token: token } = await issuer.signIn(OWNER_A, { tenants: 'anchor' })
    expect(await askAs(api, token)).toBe(`${OWNER_A} at anchor`)
    expect(await askAs(api, token, 'bollard')).toMatch(/^403 FORBIDDEN/)
  })

  it('leaves the choice among several to the caller, and lists those alone', async () => {
    const { access_token: token } = await issuer.signIn(OWNER_A, { tenants: ['anchor', 'bollard'] })
    expect(await askAs(api, token)).toMatch(/^403 TENANT_REQUIRED/)
    expect(await askAs(api, token, 'anchor')).toBe(`${OWNER_A} at anchor`)
    expect(await askAs(api, token, 'bollard')).toMatch(/^403 FORBIDDEN/)
    const listed = await fetch(`${api.url}/auth/tenants`, { headers: { authorization: `Bearer ${token}` } })
    expect(await listed.json()).toEqual({
      tenants: [{ slug: 'anchor', name: 'Anchor Alpha', role: 'OWNER', status: 'ACTIVE' }],
    })
  })

  it('case 31: is refused where its token names none', async () => {
    const { access_token: token } = await issuer.signIn(emailOf('A', 'STAFF'))
    expect(await askAs(api, token, 'anchor')).toMatch(/^401 .*tenant claim/)
  })
})

describe('a tenant’s own issuer', () => {
  let platform: OidcIssuer
  let own: OidcIssuer
  let api: Api
  beforeAll(async () => {
    platform = await startOidcIssuer([one])
    own = await startOidcIssuer([two])
    const config = { audience: 'bulkhead', algorithms: ['RS256'] }
    api = await startApi({
      issuers: [
        { issuer: platform.url, ...config },
        { issuer: own.url, ...config, tenants: ['bollard'] },
      ],
    })
  })
  afterAll(async () => {
    await api?.close()
    await platform?.stop()
    await own?.stop()
  })

  it('signs its own people in, beside the platform’s issuer', async () => {
    const { access_token: theirs } = await own.signIn(emailOf('B', 'OWNER'))
    expect(await askAs(api, theirs, 'bollard')).toBe(`${emailOf('B', 'OWNER')} at bollard`)
    const { access_token: token } = await platform.signIn(emailOf('B', 'OWNER'))
    expect(await askAs(api, token, 'bollard')).toBe(`${emailOf('B', 'OWNER')} at bollard`)
  })

  it('cross-tenant: cannot make anybody another tenant’s owner, with any address', async () => {
    const { access_token: token } = await own.signIn(OWNER_A)
    expect(bodyOf(token)).toMatchObject({ email: OWNER_A, email_verified: true })
    expect(await askAs(api, token, 'anchor')).toMatch(/^403 FORBIDDEN/)
    expect(await askAs(api, token)).toMatch(/^403 TENANT_REQUIRED/)
    const listed = await fetch(`${api.url}/auth/tenants`, { headers: { authorization: `Bearer ${token}` } })
    expect(await listed.json()).toEqual({ tenants: [] })
  })

  it('cross-tenant: cannot sign as the platform’s issuer', async () => {
    const { access_token: token } = await own.signIn(OWNER_A)
    await own.useKeys([{ ...two, kid: 'one' }])
    const { access_token: disguised } = await own.signIn(OWNER_A)
    await own.useKeys([two])
    for (const text of [token, disguised]) {
      const [head = '', , signature = ''] = text.split('.')
      const body = Buffer.from(JSON.stringify({ ...bodyOf(text), iss: platform.url })).toString('base64url')
      expect(await askAs(api, `${head}.${body}.${signature}`, 'anchor')).toMatch(/^401 /)
    }
  })
})
