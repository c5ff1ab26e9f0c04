// Authentication: the token, the current membership, and how long it is cached.
import { createSecretKey } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Authenticator, createAuthenticator } from '../../src/auth/authenticate.ts'
import { signDevelopmentToken, signHs256 } from '../../src/auth/development-token.ts'
import {
  createIdentityInvalidation,
  type IdentityInvalidation,
} from '../../src/auth/identity-invalidation.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import {
  type FrontDoor,
  memberDatabase,
  memberOf,
  openFrontDoor,
  refusalOf,
  TENANT_ID,
  tokenOf,
} from '../edge/front-door.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TENANT_A, TENANT_B } from '../support/two-tenants.ts'
import { compact, createTestClock, createVerifier, refusal, SECRET, type TestClock } from './token-setup.ts'

const REQUEST = 'request-1'
/** After this a membership is looked up again; the promise is 5 s. */
const BELIEVED_MS = 2_000

let files: TestDatabase
let database: Database
let lookUps: number
beforeAll(async () => {
  files = await createTestDatabase({ seed: 'two-tenants' })
  const logger = createLogger('silent')
  database = openDatabase({ url: files.runtimeUrl, poolMax: 4, namedStatements: true, logger })
})
afterAll(async () => {
  await database?.close()
  await files?.drop()
})

let clock: TestClock
let authenticator: Authenticator
let sessions: IdentityInvalidation
beforeEach(() => {
  sessions = createIdentityInvalidation()
  clock = createTestClock()
  lookUps = 0
  authenticator = authenticatorOver({
    ...database,
    resolveMember: (...person) => {
      lookUps += 1
      return database.resolveMember(...person)
    },
  })
})

function authenticatorOver(over: Database): Authenticator {
  const verifier = createVerifier('http://127.0.0.1:1/keys', clock)
  const logger = createLogger('silent')
  return createAuthenticator({ verifier, database: over, sessions, clock, logger, keyMode: 'test' })
}

function bearer(email: string, tenant: string): string {
  return `Bearer ${signDevelopmentToken({ secret: SECRET, tenant, email, expiresInSeconds: 3_600, clock })}`
}

function unverifiedToken(more: object): string {
  const now = clock.seconds()
  const claims = {
    iss: 'urn:bulkhead:development',
    aud: 'bulkhead',
    sub: 'x',
    email: TENANT_A.ownerEmail,
    tenant: TENANT_A.slug,
    iat: now,
    exp: now + 3_600,
    ...more,
  }
  return compact({ alg: 'HS256', typ: 'JWT' }, claims, (input) => signHs256(input, createSecretKey(SECRET)))
}

const sent = (authorization: string | undefined) => ({
  authorization,
  tenant: undefined,
  address: '127.0.0.1',
})
const owner = () => bearer(TENANT_A.ownerEmail, TENANT_A.slug)
const authenticate = async (authorization: string | undefined) =>
  await authenticator.authenticate(sent(authorization), REQUEST)
/** With triggers disabled: one of them keeps a tenant from losing its last owner. */
const change = (sql: string, values: unknown[]) =>
  asSuperuser(files, async (client) => {
    await client.query('SET LOCAL session_replication_role = replica')
    await client.query(sql, values)
  })

describe('a caller', () => {
  it('is who the database says: tenant, member, role and its permissions', async () => {
    const caller = await authenticate(owner())
    expect(caller.scope).toMatchObject({ tenantId: TENANT_A.id })
    expect(caller.tenantSlug).toBe(TENANT_A.slug)
    expect(caller.actor).toMatchObject({ kind: 'MEMBER', role: 'OWNER', email: TENANT_A.ownerEmail })
    expect(caller.permissions.has('tenant:manage')).toBe(true)
    expect(caller.requestId).toBe(REQUEST)
  })

  it('is found by its address in any letter case', async () => {
    expect((await authenticate(bearer('MEMBER1@A.example', TENANT_A.slug))).actor).toMatchObject({
      role: 'OWNER',
    })
  })

  it('is not found by a letter that some locale maps to another', async () => {
    for (const email of ['member1@a.exampłe', 'memBer1@a.e\u0445ample', 'MEMBER1@A.EXAMPLE\u0307'])
      expect(await refusal(() => authenticate(bearer(email, TENANT_A.slug)))).toBe('FORBIDDEN')
    await change(`UPDATE members SET email = 'admin1@a.example' WHERE tenant_id = $1 AND email = $2`, [
      TENANT_A.id,
      TENANT_A.ownerEmail,
    ])
    try {
      expect((await authenticate(bearer('ADMIN1@a.example', TENANT_A.slug))).actor).toMatchObject({
        role: 'OWNER',
        email: 'admin1@a.example',
      })
      for (const email of ['admİn1@a.example', 'ADMİN1@A.example', 'admın1@a.example'])
        expect(await refusal(() => authenticate(bearer(email, TENANT_A.slug)))).toBe('FORBIDDEN')
    } finally {
      await change(`UPDATE members SET email = $2 WHERE tenant_id = $1 AND email = 'admin1@a.example'`, [
        TENANT_A.id,
        TENANT_A.ownerEmail,
      ])
    }
  })

  it('is looked up once, however its address is spelt', async () => {
    for (const email of [TENANT_A.ownerEmail, 'MEMBER1@a.example', 'Member1@A.Example'])
      await authenticate(bearer(email, TENANT_A.slug))
    expect(lookUps).toBe(1)
  })

  it.each([{}, { support: true }])(
    'whose address is not said to be verified (%j) is refused, and the operator told once',
    async (more) => {
      const log: string[] = []
      const over = createAuthenticator({
        verifier: createVerifier('http://127.0.0.1:1/keys', clock),
        database,
        sessions,
        clock,
        logger: createLogger('warn', { write: (line) => log.push(line) }),
        keyMode: 'test',
      })
      const refused = async () =>
        await Promise.resolve()
          .then(() => over.authenticate(sent(`Bearer ${unverifiedToken(more)}`), REQUEST))
          .then(
            () => 'let in',
            (error: Error) => error.message,
          )
      for (let n = 0; n < 3; n += 1)
        expect(await refused()).toBe('Your token does not say that your e-mail address is verified.')
      expect(log).toHaveLength(1)
      expect(log[0]).toContain('requireVerifiedEmail')
      expect(log[0]).toContain('urn:bulkhead:development')
      expect(log[0]).not.toContain(TENANT_A.ownerEmail)
      clock.advance(60_000)
      await refused()
      expect(log).toHaveLength(2)
      expect(lookUps).toBe(0)
    },
  )

  it('cross-tenant: is a member only where it is one', async () => {
    expect(await refusal(() => authenticate(bearer(TENANT_A.ownerEmail, TENANT_B.slug)))).toBe('FORBIDDEN')
  })
})

describe('case 31: who is refused', () => {
  it.each([undefined, '', 'Bearer', 'Bearer ', 'Basic dTpw', 'Bearer a b', 'Bearer a.b.c'])(
    'case 31: the header %j is UNAUTHENTICATED, and nobody is looked up',
    async (header) => {
      expect(await refusal(() => authenticate(header))).toMatch(/^UNAUTHENTICATED/)
      expect(lookUps).toBe(0)
    },
  )

  it('case 31: a token without a tenant is UNAUTHENTICATED', async () => {
    const now = clock.seconds()
    const claims = {
      iss: 'urn:bulkhead:development',
      aud: 'bulkhead',
      sub: 'x',
      email: TENANT_A.ownerEmail,
      iat: now,
      exp: now + 60,
    }
    const sign = (input: string) => signHs256(input, createSecretKey(SECRET))
    const token = compact({ alg: 'HS256', typ: 'JWT' }, claims, sign)
    expect(await refusal(() => authenticate(`Bearer ${token}`))).toBe('UNAUTHENTICATED tenant')
    expect(lookUps).toBe(0)
  })

  it('case 31: an unknown tenant and an unknown person get the same answer', async () => {
    const messages = await Promise.all(
      [bearer(TENANT_A.ownerEmail, 'no-such-tenant'), bearer('stranger@a.example', TENANT_A.slug)].map(
        (header) =>
          authenticate(header).then(
            () => 'let in',
            (error: Error) => error.message,
          ),
      ),
    )
    expect(messages).toEqual(Array(2).fill('You are not a member of this tenant.'))
  })

  it('case 31: members of a suspended tenant get FORBIDDEN with the reason', async () => {
    await change(`UPDATE app.tenant_directory SET status = 'SUSPENDED' WHERE slug = $1`, [TENANT_B.slug])
    const refused = authenticate(bearer(TENANT_B.ownerEmail, TENANT_B.slug))
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN', message: 'this tenant is suspended' })
    await change(`UPDATE app.tenant_directory SET status = 'ACTIVE' WHERE slug = $1`, [TENANT_B.slug])
  })
})

describe('case 32: what changes while the token lives', () => {
  const remove = (status: string) =>
    change('UPDATE members SET status = $1 WHERE tenant_id = $2 AND email = $3', [
      status,
      TENANT_A.id,
      TENANT_A.ownerEmail,
    ])

  it('case 32: a removed member is refused within 2 s, or at once where the removal was made', async () => {
    const header = owner()
    await authenticate(header)
    await remove('REMOVED')
    try {
      expect((await authenticate(header)).actor).toMatchObject({ role: 'OWNER' })
      clock.advance(BELIEVED_MS)
      expect(await refusal(() => authenticate(header))).toBe('FORBIDDEN')
      await remove('ACTIVE')
      expect(await refusal(() => authenticate(header))).toBe('FORBIDDEN')
      sessions.forget(TENANT_A.id)
      expect((await authenticate(header)).actor).toMatchObject({ role: 'OWNER' })
    } finally {
      await remove('ACTIVE')
    }
  })

  it('case 32: a changed role changes the permissions', async () => {
    const header = owner()
    expect((await authenticate(header)).permissions.has('tenant:manage')).toBe(true)
    const setRole = (role: string) =>
      change('UPDATE members SET role = $1 WHERE tenant_id = $2 AND email = $3', [
        role,
        TENANT_A.id,
        TENANT_A.ownerEmail,
      ])
    await setRole('VIEWER')
    try {
      clock.advance(BELIEVED_MS)
      expect((await authenticate(header)).permissions.has('tenant:manage')).toBe(false)
    } finally {
      await setRole('OWNER')
    }
  })
})

describe('the cache of memberships', () => {
  it('looks up once for concurrent requests, and answers from the cache afterwards', async () => {
    const header = owner()
    await Promise.all(Array.from({ length: 50 }, () => authenticate(header)))
    expect(lookUps).toBe(1)
    expect(authenticator.authenticate(sent(header), REQUEST)).not.toBeInstanceOf(Promise)
  })

  it('does not cache a look-up that was running during an invalidation', async () => {
    let asked = 0
    let answer: (membership: ReturnType<typeof memberOf>) => void = () => {}
    const slow = authenticatorOver(
      memberDatabase({
        resolveMember: () => {
          asked += 1
          return new Promise((resolve) => {
            answer = resolve
          })
        },
      }),
    )
    const header = bearer('owner@acme.example', 'acme')
    const first = slow.authenticate(sent(header), REQUEST)
    await expect.poll(() => asked).toBe(1)
    sessions.forget(TENANT_ID)
    answer(memberOf('owner@acme.example'))
    await first
    const second = slow.authenticate(sent(header), REQUEST)
    expect(second).toBeInstanceOf(Promise)
    await expect.poll(() => asked).toBe(2)
    answer(null)
    await expect(second).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('keeps no failure: the next request asks again', async () => {
    let isDown = true
    const flaky = authenticatorOver(
      memberDatabase({
        resolveMember: async (_slug, email) => {
          if (isDown) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
          return memberOf(email)
        },
      }),
    )
    const header = bearer('owner@acme.example', 'acme')
    await expect(flaky.authenticate(sent(header), REQUEST)).rejects.toThrow('ECONNREFUSED')
    isDown = false
    expect((await flaky.authenticate(sent(header), REQUEST)).actor).toMatchObject({ role: 'OWNER' })
  })
})

describe('over HTTP', () => {
  let door: FrontDoor
  beforeAll(async () => {
    door = await openFrontDoor()
  })
  afterAll(() => door?.close())
  const ask = (headers: Record<string, string>, body = '{"query":"{ hello }"}') =>
    door.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })

  it('case 31: 401 names the scheme, 403 does not, and both come as GraphQL errors before anything is read', async () => {
    const before = door.reads()
    const anonymous = await ask({ authorization: '' })
    expect(refusalOf(anonymous)).toBe('401 UNAUTHENTICATED')
    expect(anonymous.headers.get('www-authenticate')).toBe('Bearer realm="bulkhead"')
    const stranger = await ask({ authorization: `Bearer ${tokenOf('stranger@acme.example')}` })
    expect(refusalOf(stranger)).toBe('403 FORBIDDEN')
    expect(stranger.headers.get('www-authenticate')).toBeNull()
    expect(door.reads()).toBe(before)
  })

  it('case 31: authentication comes before the request is parsed', async () => {
    for (const body of ['not json', 'x'.repeat(300_000)]) {
      expect(refusalOf(await ask({ authorization: 'Bearer x' }, body))).toBe('401 UNAUTHENTICATED')
    }
  })

  it('the client address is taken only from a trusted proxy', async () => {
    const behindProxy = await openFrontDoor({ trustedProxies: ['127.0.0.1'] })
    const bad = (over: FrontDoor, from: string) =>
      over.send('/graphql', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: 'Bearer bk_x',
          'x-forwarded-for': from,
        },
        body: '{"query":"{ hello }"}',
      })
    for (let n = 0; n < 100; n += 1) {
      await bad(behindProxy, '192.0.2.1')
      await bad(door, `192.0.2.${n}`)
    }
    expect(refusalOf(await bad(behindProxy, '192.0.2.1'))).toBe('429 RATE_LIMITED')
    // The client's own header value precedes what the proxy appended.
    expect(refusalOf(await bad(behindProxy, '192.0.2.9, 192.0.2.1'))).toBe('429 RATE_LIMITED')
    expect(refusalOf(await bad(behindProxy, '192.0.2.2'))).toBe('401 UNAUTHENTICATED')
    expect(refusalOf(await bad(door, '198.51.100.1'))).toBe('429 RATE_LIMITED')
    await behindProxy.close()
  })

  it('a database that is away is 503 with Retry-After, and reveals nothing', async () => {
    const away = await openFrontDoor({
      database: memberDatabase({
        resolveMember: async () => {
          throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.5:5432'), { code: 'ECONNREFUSED' })
        },
      }),
    })
    const answer = await away.ask('{ hello }')
    expect(refusalOf(answer)).toBe('503 SERVICE_UNAVAILABLE')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(JSON.stringify(answer.body)).not.toMatch(/ECONNREFUSED|10\.0\.0\.5/)
    await away.close()
  })
})
