// A real OpenID provider that changes its keys, or is down: signed-in people can continue, and nobody else gets in.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Api, emailOf, startApi } from '../support/api.ts'
import { askAs, bodyOf, headOf } from './oidc-client.ts'
import { type OidcIssuer, startOidcIssuer } from './oidc-issuer.ts'
import { compact, createSigningKey, type SigningKey } from './token-setup.ts'

const OWNER_A = emailOf('A', 'OWNER')
const AGE_MAX_MS = 600
const COOLDOWN_MS = 50
const RETRY_MS = 50

let one: SigningKey
let two: SigningKey
beforeAll(async () => {
  one = await createSigningKey('RS256', 'one')
  two = await createSigningKey('RS256', 'two')
})

describe('case 33: an issuer whose keys change, or that is down', () => {
  let issuer: OidcIssuer
  let api: Api
  beforeEach(async () => {
    issuer = await startOidcIssuer([one])
    api = await open({})
  })
  afterEach(async () => {
    await api?.close()
    await issuer?.stop()
  })
  const open = (timings: object) =>
    startApi({
      issuers: [{ issuer: issuer.url, audience: 'bulkhead', algorithms: ['RS256'] }],
      keyTimings: { cooldownMs: COOLDOWN_MS, retryMs: RETRY_MS, ...timings },
    })
  const ask = async (token: string, of: Api = api) => askAs(of, token, 'anchor')
  const OK = `${OWNER_A} at anchor`
  const keyReads = () => issuer.asked.filter((path) => path === '/jwks').length

  it('rotates with both keys published, without an effect on requests', async () => {
    const { access_token: old } = await issuer.signIn(OWNER_A)
    expect(await ask(old)).toBe(OK)
    await issuer.useKeys([two, one])
    await sleep(COOLDOWN_MS)
    const { access_token: young } = await issuer.signIn(OWNER_A)
    expect(headOf(young).kid).toBe('two')
    expect(await Promise.all([young, old, young, old].map((token) => ask(token)))).toEqual([OK, OK, OK, OK])
  })

  it('retires a key, and its tokens are refused once the keys in hand are that old', async () => {
    const quick = await open({ refreshAfterMs: AGE_MAX_MS / 2, ageMaxMs: AGE_MAX_MS })
    const { access_token: old } = await issuer.signIn(OWNER_A)
    expect(await ask(old, quick)).toBe(OK)
    await issuer.useKeys([two])
    await sleep(AGE_MAX_MS)
    expect(await ask(old, quick)).toMatch(/^401 .*key is not known/)
    const { access_token: young } = await issuer.signIn(OWNER_A)
    expect(await ask(young, quick)).toBe(OK)
    await quick.close()
  })

  it('is asked for unknown keys at most once per cooldown', async () => {
    const slow = await open({ cooldownMs: 60_000 })
    const { access_token: token } = await issuer.signIn(OWNER_A)
    expect(await ask(token, slow)).toBe(OK)
    const before = keyReads()
    const forged = Array.from({ length: 30 }, (_, n) =>
      compact({ ...headOf(token), kid: `k${n}` }, bodyOf(token), token.split('.')[2] ?? ''),
    )
    for (const answer of await Promise.all(forged.map((text) => ask(text, slow)))) {
      expect(answer).toMatch(/^401 .*key is not known/)
    }
    expect(keyReads() - before).toBeLessThanOrEqual(1)
    await slow.close()
  })

  it('is down: signed-in people continue, new ones get 503, and it recovers', async () => {
    const short = await open({ refreshAfterMs: 1, ageMaxMs: 2 })
    const cold = await open({})
    const { access_token: token } = await issuer.signIn(OWNER_A)
    const { access_token: another } = await issuer.signIn(emailOf('A', 'STAFF'))
    expect(await ask(token, short)).toBe(OK)
    await issuer.stop()
    await sleep(RETRY_MS)
    expect(await ask(token, short)).toBe(OK)
    // Not seen before, and verified with the cached keys.
    expect(await ask(another, short)).toBe(`${emailOf('A', 'STAFF')} at anchor`)
    expect(await ask(token, cold)).toMatch(/^503 SERVICE_UNAVAILABLE/)
    await issuer.restart()
    await sleep(RETRY_MS)
    expect(await ask(token, cold)).toBe(OK)
    await Promise.all([short.close(), cold.close()])
  })

  it('is down for too long: 503, not 401', async () => {
    const short = await open({ refreshAfterMs: 1, ageMaxMs: 2, staleMaxMs: AGE_MAX_MS })
    const { access_token: token } = await issuer.signIn(OWNER_A)
    expect(await ask(token, short)).toBe(OK)
    await issuer.stop()
    await sleep(AGE_MAX_MS)
    expect(await ask(token, short)).toMatch(/^503 SERVICE_UNAVAILABLE/)
    await short.close()
    await issuer.restart()
  })
})
