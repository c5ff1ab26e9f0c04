// Support access of platform staff: nothing without a tenant's grant, no more than it allows, no longer than it lasts;
// all of it audited.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { permissionsOf, supportPermissions } from '../../../src/auth/permissions.ts'
import { decodeId } from '../../../src/core/ids.ts'
import { sqlstateOf } from '../../../src/db/faults.ts'
import { type Api, emailOf, SLUGS, startApi, type TenantKey } from '../../support/api.ts'
import { letSupportIn, personToken, SUPPORTER, supportToken } from '../../support/credentials.ts'
import { asOwner } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { INVITE, invitee, newEmail } from '../../support/people.ts'
import { unique } from '../../support/unique.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())
afterEach(async () => {
  for (const tenant of ['A', 'B'] as const) {
    await asOwner(api.database, api.tenantIds[tenant], (owner) =>
      owner.query('UPDATE support_grants SET revoked_at = now() WHERE revoked_at IS NULL'),
    )
    api.services.sessions.forget(api.tenantIds[tenant])
  }
})

const supporter = (tenant: TenantKey = 'A', email = SUPPORTER) => api.bearing(supportToken(tenant, email))
const WHO = '{ viewer { permissions support { access expiresAt } member { id } tenant { slug } } }'
const NO_LEAVE = [{ code: 'FORBIDDEN', message: 'This tenant has not granted support access.' }]

const GRANT = `mutation ($input: SupportAccessGrantInput!) {
  supportAccessGrant(input: $input) {
    supportGrant { id access reason status grantedBy expiresAt revokedAt createdAt }
    userErrors { field code message }
  }
}`
const REVOKE = `mutation ($input: SupportAccessRevokeInput!) {
  supportAccessRevoke(input: $input) {
    supportGrant { id status revokedAt }
    userErrors { field code message }
  }
}`
const someone = () => ({ email: newEmail(), role: 'VIEWER' })

async function grant(access?: 'READ' | 'WRITE', tenant: TenantKey = 'A') {
  const input = { ...(access && { access }), hours: 2, reason: 'an order looks wrong' }
  const { supportAccessGrant } = await api.as(tenant).data(GRANT, { input })
  expect(supportAccessGrant.userErrors).toEqual([])
  return supportAccessGrant.supportGrant
}

async function revoke(id: string, tenant: TenantKey = 'A') {
  return (await api.as(tenant).data(REVOKE, { input: { id } })).supportAccessRevoke
}

/** The tenant's audit of a grant, in order. */
async function auditOf(id: string, tenant: TenantKey = 'A') {
  const { rows } = await asOwner(api.database, api.tenantIds[tenant], (owner) =>
    owner.query(
      `SELECT action, actor_kind, actor_label, subject_type, before, after FROM audit_entries
       WHERE subject_id = $1 OR actor_id = $1 ORDER BY recorded_at, id`,
      [decodeId(id)?.uuid ?? id],
    ),
  )
  return rows
}

describe('before', () => {
  it('no supporter has access to anything', async () => {
    for (const source of ['{ __typename }', WHO, '{ members { totalCount } }'])
      expect(await supporter().send(source)).toMatchObject({ data: null, errors: NO_LEAVE })
    expect((await supporter().send(INVITE, { input: someone() })).errors).toMatchObject(NO_LEAVE)
  })

  it('an unknown tenant and one without a grant get the same answer', async () => {
    const { errors } = await supporter('B').send(WHO)
    expect(errors).toMatchObject(NO_LEAVE)
  })

  it('a person without a membership and a support claim has no access, although a grant is active', async () => {
    await grant()
    const { errors } = await api.bearing(personToken('A', SUPPORTER)).send(WHO)
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', message: 'You are not a member of this tenant.' }])
  })
})

describe('granting', () => {
  it('is READ by default, ends after the hours, and shows who granted it and why', async () => {
    const before = Date.now()
    const made = await grant()
    expect(made).toMatchObject({
      access: 'READ',
      reason: 'an order looks wrong',
      status: 'ACTIVE',
      grantedBy: emailOf('A', 'OWNER'),
      revokedAt: null,
    })
    const lastsMs = Date.parse(made.expiresAt) - Date.parse(made.createdAt)
    expect(lastsMs).toBe(2 * 3_600_000)
    expect(Date.parse(made.createdAt)).toBeGreaterThanOrEqual(before - 1_000)
    const { supportGrants } = await api.as('A').data('{ supportGrants(first: 1) { nodes { id status } } }')
    expect(supportGrants.nodes).toEqual([{ id: made.id, status: 'ACTIVE' }])
  })

  it('every error is reported at once', async () => {
    for (const hours of [0, -1, 169]) {
      const input = { hours, reason: '  ' }
      const { supportAccessGrant } = await api.as('A').data(GRANT, { input })
      expect(supportAccessGrant.supportGrant).toBeNull()
      expect(supportAccessGrant.userErrors).toMatchObject([
        { field: ['hours'], code: 'OUT_OF_RANGE' },
        { field: ['reason'], code: 'REQUIRED' },
      ])
    }
    const input = { hours: 168, reason: 'x'.repeat(501) }
    const { supportAccessGrant } = await api.as('A').data(GRANT, { input })
    expect(supportAccessGrant.userErrors).toMatchObject([{ field: ['reason'], code: 'TOO_LONG' }])
  })

  it('with the same key happens once', async () => {
    const input = { hours: 1, reason: 'once', idempotencyKey: unique('grant') }
    const [first, second] = await Promise.all([1, 2].map(() => api.as('A').data(GRANT, { input })))
    const ids = [first, second].flatMap(({ supportAccessGrant: made }) => made.supportGrant?.id ?? [])
    const again = (await api.as('A').data(GRANT, { input })).supportAccessGrant.supportGrant.id
    expect(new Set([...ids, again]).size).toBe(1)
  })

  it('is limited in number', async () => {
    await asOwner(api.database, api.tenantIds.B, (owner) =>
      owner.query(
        `INSERT INTO support_grants (id, access, reason, granted_by, expires_at)
         SELECT gen_random_uuid(), 'READ', 'a test', 'nobody', now() + interval '1 hour' FROM generate_series(1, 50)`,
      ),
    )
    const { supportAccessGrant } = await api.as('B').data(GRANT, { input: { hours: 1, reason: 'more' } })
    expect(supportAccessGrant).toMatchObject({
      supportGrant: null,
      userErrors: [{ code: 'TOO_MANY_GRANTS' }],
    })
  })

  it.each(['ADMIN', 'STAFF', 'VIEWER'] as const)(
    'is not for %s, nor is revoking or looking',
    async (role) => {
      const { id } = await grant()
      for (const [source, input] of [
        [GRANT, { hours: 1, reason: 'mine' }],
        [REVOKE, { id }],
        ['{ supportGrants { totalCount } }', undefined],
      ] as const)
        expect((await api.as('A', role).send(source, { input })).errors).toMatchObject([
          { code: 'FORBIDDEN', extensions: { permission: 'support:manage' } },
        ])
    },
  )
})

describe('during', () => {
  it('is active at once, also for a supporter who was just refused', async () => {
    expect((await supporter().send(WHO)).errors).toMatchObject(NO_LEAVE)
    const made = await grant()
    const { viewer } = await supporter().data(WHO)
    expect(viewer).toEqual({
      permissions: [...supportPermissions('READ')].toSorted(),
      support: { access: 'READ', expiresAt: made.expiresAt },
      member: null,
      tenant: { slug: 'anchor' },
    })
    expect(viewer.permissions.every((permission: string) => permission.endsWith(':read'))).toBe(true)
  })

  it('READ reads what the tenant has, and writes nothing', async () => {
    const { id } = await invitee(api, 'A')
    await grant('READ')
    const { node } = await supporter().data(`{ node(id: "${id}") { id } members { totalCount } }`)
    expect(node).toEqual({ id })
    expect((await supporter().send(INVITE, { input: someone() })).errors).toMatchObject([
      { code: 'FORBIDDEN', extensions: { permission: 'members:manage' } },
    ])
    const wide = await grant('WRITE')
    await revoke(wide.id)
    expect((await supporter().data(WHO)).viewer.support.access, 'the other grant is left').toBe('READ')
  })

  it('WRITE does not include managing members, keys, money or support', () => {
    const granted = supportPermissions('WRITE')
    const never = [
      ...(['support:manage', 'members:manage', 'keys:manage', 'tenant:manage'] as const),
      ...(['things:refund'] as const),
    ]
    expect(never.filter((permission) => granted.has(permission))).toEqual([])
    const writes = [...granted].filter((permission) => !permission.endsWith(':read'))
    expect(writes.filter((permission) => !permissionsOf('STAFF').has(permission))).toEqual([])
  })

  it('a supporter cannot extend or widen the grant', async () => {
    const { id } = await grant('WRITE')
    for (const [source, input] of [
      [GRANT, { access: 'WRITE', hours: 168, reason: 'more' }],
      [REVOKE, { id }],
    ] as const)
      expect((await supporter().send(source, { input })).errors).toMatchObject([
        { code: 'FORBIDDEN', extensions: { permission: 'support:manage' } },
      ])
  })

  it('the audit has the grant, one visit of each person in a quarter of an hour, and the revocation', async () => {
    const { id, expiresAt } = await grant('READ')
    const both = [
      supporter(),
      supporter('A', SUPPORTER.toUpperCase()),
      supporter('A', 'kim@platform.example'),
    ]
    for (const who of [...both, ...both]) await who.data(WHO)
    api.services.sessions.forget(api.tenantIds.A)
    await Promise.all(both.map((who) => who.data(WHO)))
    const { revokedAt } = (await revoke(id)).supportGrant
    const visit = { action: 'supportAccessUse', actor_kind: 'SUPPORT', subject_type: 'SupportGrant' }
    const byOwner = { actor_kind: 'MEMBER', actor_label: emailOf('A', 'OWNER'), subject_type: 'SupportGrant' }
    expect(await auditOf(id)).toEqual([
      {
        ...byOwner,
        action: 'supportAccessGrant',
        before: null,
        after: { access: 'READ', reason: 'an order looks wrong', expiresAt },
      },
      { ...visit, actor_label: SUPPORTER, before: null, after: null },
      { ...visit, actor_label: 'kim@platform.example', before: null, after: null },
      { ...byOwner, action: 'supportAccessRevoke', before: { revokedAt: null }, after: { revokedAt } },
    ])
  })

  it('simultaneous requests to several servers record one visit', async () => {
    const id = await letSupportIn(api, 'A', { access: 'READ' })
    await Promise.all(Array.from({ length: 8 }, () => api.opened.resolveSupport(SLUGS.A, SUPPORTER)))
    expect(await auditOf(id)).toHaveLength(1)
  })

  it('a request after a quarter of an hour is another visit', async () => {
    const id = await letSupportIn(api, 'A', { access: 'READ' })
    await api.opened.resolveSupport(SLUGS.A, SUPPORTER)
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(`UPDATE audit_entries SET created_at = now() - interval '16 minutes' WHERE actor_id = $1`, [
        id,
      ]),
    )
    await api.opened.resolveSupport(SLUGS.A, SUPPORTER)
    expect(await auditOf(id)).toHaveLength(2)
  })
})

describe('after', () => {
  it('it ends at its time, also during a series of requests', async () => {
    const id = await letSupportIn(api, 'A', { access: 'WRITE', seconds: 1.5 })
    expect((await supporter().data(WHO)).viewer.support.access).toBe('WRITE')
    await eventually(async () => expect((await supporter().send(WHO)).errors).toMatchObject(NO_LEAVE))
    const { supportGrants } = await api.as('A').data('{ supportGrants { nodes { status } } }')
    expect(supportGrants.nodes.map(({ status }: { status: string }) => status)).toContain('EXPIRED')
    expect(await api.opened.resolveSupport(SLUGS.A, SUPPORTER)).toBeNull()
    expect((await auditOf(id)).map(({ action }) => action)).toEqual(['supportAccessUse'])
  })

  it('no request that starts after the answer to a revocation is accepted', async () => {
    const { id } = await grant('WRITE')
    const late: string[] = []
    let revokedAtMs = Number.POSITIVE_INFINITY
    let isOver = false
    const busy = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        const startedAtMs = performance.now()
        const { errors } = await supporter().send('{ members { nodes { email } } }')
        if (startedAtMs > revokedAtMs && errors.length === 0) late.push('let in')
        if (startedAtMs <= revokedAtMs && errors.length > 0 && revokedAtMs === Number.POSITIVE_INFINITY)
          expect(errors).toMatchObject(NO_LEAVE)
      }
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect((await revoke(id)).supportGrant.status).toBe('REVOKED')
    revokedAtMs = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 300))
    isOver = true
    await Promise.all(busy)
    expect(late).toEqual([])
    expect((await supporter().send(WHO)).errors).toMatchObject(NO_LEAVE)
  })

  it('revoking twice, or an expired one, changes nothing and is not audited', async () => {
    const { id } = await grant()
    const first = await revoke(id)
    expect(await revoke(id)).toEqual(first)
    expect((await auditOf(id)).map(({ action }) => action)).toEqual([
      'supportAccessGrant',
      'supportAccessRevoke',
    ])
  })
})

describe('cross-tenant', () => {
  it('another tenant’s grant gives nothing here', async () => {
    await grant('WRITE', 'B')
    expect((await supporter('A').send(WHO)).errors).toMatchObject(NO_LEAVE)
    expect((await supporter('B').data(WHO)).viewer.tenant.slug).toBe('bollard')
  })

  it('A can neither see nor revoke a grant of B', async () => {
    const { id } = await grant('WRITE', 'B')
    const absent = id.replace(/.{4}$/, 'zzzz')
    const refusal = { supportGrant: null, userErrors: [{ field: ['id'], code: 'NOT_FOUND' }] }
    for (const other of [id, absent]) {
      expect(await revoke(other)).toMatchObject(refusal)
      expect(await api.as('A').data(`{ node(id: "${other}") { id } }`)).toEqual({ node: null })
    }
    expect((await supporter('B').data(WHO)).viewer.support.access).toBe('WRITE')
  })

  it('with A’s grant, B’s data is not found', async () => {
    await grant('WRITE', 'A')
    const { id } = await invitee(api, 'B')
    expect(await supporter('A').data(`{ node(id: "${id}") { id } }`)).toEqual({ node: null })
  })
})

describe('a supporter who is a member, too', () => {
  const email = () => emailOf('A', 'OWNER')

  it('has no access by their platform token until support is granted, and then may only read', async () => {
    const token = supportToken('A', email())
    expect((await api.bearing(token).send(WHO)).errors).toMatchObject(NO_LEAVE)
    await grant('READ')
    const { viewer } = await api.bearing(token).data(WHO)
    expect(viewer).toMatchObject({ support: { access: 'READ' }, member: null })
    const input = { hours: 1, reason: 'as owner' }
    expect((await api.bearing(token).send(GRANT, { input })).errors).toMatchObject([{ code: 'FORBIDDEN' }])
  })

  it('is the member by their own token', async () => {
    await grant('READ')
    const { viewer } = await api.bearing(personToken('A', email())).data(WHO)
    expect(viewer).toMatchObject({ support: null, member: { id: expect.stringMatching(/^mem_/) } })
    expect(viewer.permissions).toContain('support:manage')
  })
})

describe('the second wall', () => {
  const callerBy = async (token: string) =>
    await api.authenticator.authenticate(
      { authorization: `Bearer ${token}`, tenant: undefined, address: '127.0.0.1' },
      'request',
    )

  it('a READ grant cannot write by raw SQL either', async () => {
    await grant('READ')
    await invitee(api, 'A')
    await api.as('A').data('mutation { exportCreate(input: {}) { export { id } } }')
    const caller = await callerBy(supportToken('A'))
    const refused = async (work: Promise<unknown>) => sqlstateOf(await work.catch((error: unknown) => error))
    const write = (of: Parameters<typeof caller.database.withTenant<unknown>>[1]) =>
      refused(caller.database.withTenant(caller.scope, of))
    expect(await write((tx) => tx.$executeRaw`UPDATE invitations SET name = 'mine'`)).toBe('BK004')
    expect(await write((tx) => tx.$executeRaw`DELETE FROM exports`)).toBe('BK004')
    expect(
      await write(
        (tx) => tx.$executeRaw`INSERT INTO outbox_events (id, type, subject_type, subject_id, payload)
          VALUES (gen_random_uuid(), 'x', 'x', gen_random_uuid(), '{}')`,
      ),
    ).toBe('BK004')
    expect(
      await write(
        (tx) =>
          tx.$executeRaw`UPDATE support_grants SET access = 'WRITE', expires_at = now() + interval '1 year'`,
      ),
    ).toBe('BK004')
    expect(await write((tx) => tx.$executeRaw`SELECT app.enqueue('integrity.check', '{}')`)).toBe('BK004')
    const [seen] = await caller.database.withTenant(
      caller.scope,
      (tx) => tx.$queryRaw<[{ count: number }]>`SELECT count(*)::int AS count FROM invitations`,
    )
    expect(seen.count).toBeGreaterThan(0)
  })
})

it('a suspended tenant admits no supporter, and records no visit', async () => {
  const id = await letSupportIn(api, 'B', { access: 'READ' })
  const suspend = (status: string) =>
    asOwner(api.database, null, (owner) =>
      owner.query('UPDATE app.tenant_directory SET status = $1 WHERE id = $2', [status, api.tenantIds.B]),
    )
  await suspend('SUSPENDED')
  try {
    expect((await supporter('B').send(WHO)).errors).toMatchObject([
      { code: 'FORBIDDEN', message: 'this tenant is suspended' },
    ])
    expect(await auditOf(id, 'B')).toEqual([])
  } finally {
    await suspend('ACTIVE')
  }
})
