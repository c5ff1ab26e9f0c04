// Requests without a valid credential: floods are limited by address without affecting others, and the answers reveal
// nothing about what exists.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newApiKey } from '../../src/core/api-key.ts'
import { newId } from '../../src/core/ids.ts'
import { type Api, SLUGS, startApi } from '../support/api.ts'
import { askWithKey, makeKey, told } from '../support/keys.ts'
import { countStatements } from '../support/statements.ts'

/** The failures per address and minute. */
const FAILURES_MAX = 100

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

it('a missing tenant and a tenant without membership get the same answer', async () => {
  const stranger = (slug: string, email: string) => async () => {
    const { authorization } = api.asPerson('A', email)
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization, 'bulkhead-tenant': slug },
      body: '{"query":"{ __typename }"}',
    })
    return { status: response.status, text: (await response.text()).replace(/"requestId":"[^"]+"/, '') }
  }
  // The development token names its tenant: any other in the header is refused alike, existing or not.
  const known = await countStatements(stranger(SLUGS.B, 'one@stranger.example'))
  const unknown = await countStatements(stranger('nobody', 'two@stranger.example'))
  expect(unknown).toEqual(known)
  const [inside, outside] = [
    await countStatements(() => api.opened.resolveMember(SLUGS.A, 'three@stranger.example')),
    await countStatements(() => api.opened.resolveMember('nobody', 'three@stranger.example')),
  ]
  expect(outside).toEqual(inside)
})

describe('bad keys from behind one proxy', () => {
  const from = '127.0.5.1'
  const ask = (secret: string) => askWithKey({ url: api.url, secret, from })

  it('that are malformed do not block a well-formed key', async () => {
    const { secret } = await makeKey(api.as('B'), ['members:read'])
    for (let n = 0; n < FAILURES_MAX; n += 1)
      expect(told(await ask('bk_test_nonsense'))).toBe('401 UNAUTHENTICATED')
    expect(told(await ask('bk_test_nonsense'))).toBe('429 RATE_LIMITED')
    expect(told(await ask(secret))).toBe('200 OK')
  })

  it('cross-tenant: of invented tenants, and of one tenant, do not block valid keys of another that were accepted before', async () => {
    const [known, fresh] = [
      await makeKey(api.as('B'), ['members:read']),
      await makeKey(api.as('B'), ['members:read']),
    ]
    expect(told(await askWithKey({ url: api.url, secret: known.secret, from: '127.0.5.2' }))).toBe('200 OK')
    for (let n = 0; n < FAILURES_MAX; n += 1) await ask(newApiKey('test', newId()).secret)
    expect(told(await ask(newApiKey('test', newId()).secret))).toBe('429 RATE_LIMITED')
    // Not seen before, but of a tenant with valid keys: counted separately.
    expect(told(await ask(fresh.secret))).toBe('200 OK')
    for (let n = 0; n <= FAILURES_MAX; n += 1) await ask(newApiKey('test', api.tenantIds.B).secret)
    expect(told(await ask(newApiKey('test', api.tenantIds.B).secret))).toBe('429 RATE_LIMITED')
    // Accepted before.
    for (const { secret } of [known, fresh]) expect(told(await ask(secret))).toBe('200 OK')
  })
})
