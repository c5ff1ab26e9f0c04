// GET /auth/tenants, and choosing a tenant: among those of the token and its issuer, never guessed.

import { SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { IssuerConfig } from '../../src/auth/token-issuer.ts'
import { newApiKey } from '../../src/core/api-key.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/core/logger.ts'
import { connectOwner } from '../../src/db/owner.ts'
import { type KeyServer, startKeyServer } from '../auth/key-server.ts'
import { createSigningKey, type SigningKey } from '../auth/token-setup.ts'
import { type Api, emailOf, startApi } from '../support/api.ts'
import { memberDatabase, openFrontDoor } from './front-door.ts'

const CHOICE = 'https://choice.example'
const CLAIM = 'https://claim.example'
const OWN = 'https://anchor-only.example'
/** A member of both tenants. */
const BOTH = 'both@example.com'

let keyServer: KeyServer
let key: SigningKey
let api: Api

beforeAll(async () => {
  keyServer = await startKeyServer()
  key = await createSigningKey('ES256', 'one')
  keyServer.publish([key.jwk])
  const issuer = (name: string, more: Partial<IssuerConfig> = {}): IssuerConfig => ({
    issuer: name,
    jwksUri: keyServer.url,
    audience: 'bulkhead',
    algorithms: ['ES256'],
    ...more,
  })
  api = await startApi({
    issuers: [
      issuer(CHOICE, { supportClaim: 'support' }),
      issuer(CLAIM, { tenantClaim: 'tenants' }),
      issuer(OWN, { tenants: ['anchor'] }),
    ],
  })
  await addMember('A', 'STAFF')
  await addMember('B', 'VIEWER')
})
afterAll(async () => {
  await api?.close()
  await keyServer?.stop()
})

async function addMember(tenant: 'A' | 'B', role: string): Promise<void> {
  const owner = await connectOwner(api.database.ownerUrl)
  await owner.inTenant(api.tenantIds[tenant], (query) =>
    query('INSERT INTO members (id, email, name, role) VALUES (gen_random_uuid(), $1, $2, $3)', [
      BOTH,
      'Both',
      role,
    ]),
  )
  await owner.end()
}

function tokenOf(
  issuer: string,
  email: string | undefined,
  more: Record<string, unknown> = {},
): Promise<string> {
  const claims = { iss: issuer, aud: 'bulkhead', sub: 'someone', email, email_verified: true, ...more }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(key.privateKey)
}

async function list(token: string | null, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}/auth/tenants`, {
    headers: token === null ? headers : { ...headers, authorization: `Bearer ${token}` },
  })
  // biome-ignore lint/suspicious/noExplicitAny: what the route answers is what these tests are about.
  const body = (await response.json()) as any
  return { status: response.status, headers: response.headers, body }
}

async function viewer(token: string, tenant?: string) {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      ...(tenant === undefined ? {} : { 'bulkhead-tenant': tenant }),
    },
    body: JSON.stringify({ query: '{ viewer { tenant { slug } } }' }),
  })
  const { data, errors } = (await response.json()) as {
    data?: { viewer: { tenant: { slug: string } } }
    errors?: { extensions: { code: string } }[]
  }
  return data?.viewer.tenant.slug ?? `${response.status} ${errors?.[0]?.extensions.code}`
}

const ANCHOR = { slug: 'anchor', name: 'Anchor Alpha', role: 'STAFF', status: 'ACTIVE' }
const BOLLARD = { slug: 'bollard', name: 'Bollard Beta', role: 'VIEWER', status: 'ACTIVE' }

describe('the tenants of a person', () => {
  it('are found by the address in any letter case, with the role in each', async () => {
    const { status, headers, body } = await list(await tokenOf(CHOICE, BOTH.toUpperCase()))
    expect([status, body]).toEqual([200, { tenants: [ANCHOR, BOLLARD] }])
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('cross-tenant: include no other person’s', async () => {
    const { body } = await list(await tokenOf(CHOICE, emailOf('B', 'STAFF')))
    expect(body.tenants.map(({ slug }: { slug: string }) => slug)).toEqual(['bollard'])
    expect((await list(await tokenOf(CHOICE, 'stranger@example.com'))).body).toEqual({ tenants: [] })
  })

  it('cross-tenant: are only those that the issuer may name', async () => {
    expect((await list(await tokenOf(OWN, BOTH))).body).toEqual({ tenants: [ANCHOR] })
    expect((await list(await tokenOf(OWN, emailOf('B', 'OWNER')))).body).toEqual({ tenants: [] })
  })

  it('are only those that the token names', async () => {
    const named = async (tenants: unknown) => (await list(await tokenOf(CLAIM, BOTH, { tenants }))).body
    expect(await named(['anchor', 'bollard', 'nowhere'])).toEqual({ tenants: [ANCHOR, BOLLARD] })
    expect(await named(['bollard'])).toEqual({ tenants: [BOLLARD] })
    expect(await named('anchor')).toEqual({ tenants: [ANCHOR] })
    expect(await named([])).toEqual({ tenants: [] })
  })

  it('are none without an address, and none for platform staff', async () => {
    for (const token of [
      await tokenOf(CHOICE, undefined),
      await tokenOf(CHOICE, 'no address'),
      await tokenOf(CHOICE, BOTH, { support: true }),
    ]) {
      expect(await list(token)).toMatchObject({ status: 200, body: { tenants: [] } })
    }
  })

  it('are refused for an unverified address', async () => {
    for (const email_verified of [false, undefined, null, 'false']) {
      const { status, body } = await list(await tokenOf(CHOICE, BOTH, { email_verified }))
      expect([status, body.errors[0].message]).toEqual([
        403,
        'Your token does not say that your e-mail address is verified.',
      ])
    }
  })

  it('include a suspended one, marked as such', async () => {
    const owner = await connectOwner(api.database.ownerUrl)
    const set = (status: string) =>
      owner.query(`UPDATE app.tenant_directory SET status = $1 WHERE slug = 'bollard'`, [status])
    await set('SUSPENDED')
    try {
      const { body } = await list(await tokenOf(CHOICE, BOTH))
      expect(body.tenants).toEqual([ANCHOR, { ...BOLLARD, status: 'SUSPENDED' }])
    } finally {
      await set('ACTIVE')
      await owner.end()
    }
  })
})

describe('who may not ask', () => {
  it.each(['', 'Bearer x.y.z', 'Basic dTpw', `Bearer ${newApiKey('test', crypto.randomUUID()).secret}`])(
    '%j is 401, with the scheme and a request id',
    async (authorization) => {
      const { status, headers, body } = await list(null, { authorization })
      expect([status, body.errors[0].extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
      expect(headers.get('www-authenticate')).toBe('Bearer realm="bulkhead"')
      expect(body.errors[0].extensions.requestId).toBe(headers.get('x-request-id'))
    },
  )

  it('a database that is away is 503 with Retry-After, and a fault is masked', async () => {
    const failing = async (error: Error) => {
      const membershipsOf = () => Promise.reject(error)
      const door = await openFrontDoor({
        database: memberDatabase({ membershipsOf }),
        clock: systemClock,
        logger: createLogger('silent'),
      })
      const answer = await door.send('/auth/tenants')
      await door.close()
      return answer
    }
    const away = await failing(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
    expect([away.status, away.body.errors[0].extensions.code, away.headers.get('retry-after')]).toEqual([
      503,
      'SERVICE_UNAVAILABLE',
      '1',
    ])
    const fault = await failing(new Error('column "secret" does not exist'))
    expect([fault.status, fault.body.errors[0].extensions.code]).toEqual([500, 'INTERNAL'])
    expect(JSON.stringify([away.body, fault.body])).not.toMatch(/ECONNREFUSED|secret/)
  })

  it('nothing but GET is served', async () => {
    const response = await fetch(`${api.url}/auth/tenants`, { method: 'POST' })
    expect(response.status).toBe(404)
  })
})

describe('the tenant that is meant', () => {
  let choice: string
  beforeEach(async () => {
    choice = await tokenOf(CHOICE, BOTH)
  })

  it('is named by the header where the token names none, and never guessed', async () => {
    expect(await viewer(choice, 'anchor')).toBe('anchor')
    expect(await viewer(choice, 'bollard')).toBe('bollard')
    expect(await viewer(choice)).toBe('403 TENANT_REQUIRED')
    expect(await viewer(await tokenOf(CHOICE, emailOf('A', 'OWNER')))).toBe('403 TENANT_REQUIRED')
    expect(await viewer(choice, 'nowhere')).toBe('403 FORBIDDEN')
  })

  it('is chosen among several that the token names, or one in an array', async () => {
    const several = await tokenOf(CLAIM, BOTH, { tenants: ['anchor', 'bollard'] })
    expect(await viewer(several, 'bollard')).toBe('bollard')
    expect(await viewer(several)).toBe('403 TENANT_REQUIRED')
    const one = await tokenOf(CLAIM, BOTH, { tenants: ['anchor'] })
    expect(await viewer(one)).toBe('403 TENANT_REQUIRED')
    expect(await viewer(one, 'anchor')).toBe('anchor')
  })

  it('cross-tenant: must be named by the token, even if the person is a member', async () => {
    expect(await viewer(await tokenOf(CLAIM, BOTH, { tenants: ['anchor'] }), 'bollard')).toBe('403 FORBIDDEN')
    expect(await viewer(await tokenOf(CLAIM, BOTH, { tenants: [] }), 'bollard')).toBe('403 FORBIDDEN')
    expect(await viewer(await tokenOf(CLAIM, BOTH, { tenants: 'anchor' }), 'bollard')).toBe('403 FORBIDDEN')
  })

  it('cross-tenant: must be one that the issuer may name', async () => {
    const own = await tokenOf(OWN, BOTH)
    expect(await viewer(own, 'anchor')).toBe('anchor')
    expect(await viewer(own, 'bollard')).toBe('403 FORBIDDEN')
  })
})
