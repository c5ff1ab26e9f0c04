// The audit in the API: entries with actor, action and object, their filters, and the head.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../../src/core/ids.ts'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { queried } from '../../../src/desk/audit/graphql/find-entries.ts'
import { type Api, type Data, startApi } from '../../support/api.ts'
import { letSupportIn, SUPPORTER, supportToken } from '../../support/credentials.ts'
import { asOwner, asRuntime, asSuperuser } from '../../support/database.ts'
import { makeKey } from '../../support/keys.ts'
import { invitee } from '../../support/people.ts'
import { sealAudit } from '../../support/seal-audit.ts'
import { makeCustomer, makeProduct, makeVariant, placeOrder } from '../support/shop.ts'

const ENTRIES = `query ($query: String, $filter: AuditEntryFilter, $first: Int, $after: String) {
  auditEntries(query: $query, filter: $filter, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id action requestId createdAt recordedAt
      actor { kind actorId label }
      subject { type subjectId }
      changes { field before after }
    }
  }
}`

let api: Api
let customerId: string
let productId: string
let members: Record<string, string>
beforeAll(async () => {
  api = await startApi()
  customerId = await makeCustomer(api.as('A'), { name: 'Ada Audit', email: 'ada@shop.example' })
  await edit(customerId, { name: 'Ada Lovelace' })
  productId = await makeProduct(api.as('A', 'STAFF'), { title: 'Audited Kettle' })
  await makeCustomer(api.as('B'), { name: 'Bea Elsewhere', email: 'bea@shop.example' })
  const { members: page } = await api.as('A').data('{ members { nodes { id email } } }')
  members = Object.fromEntries(page.nodes.map(({ email, id }: Data) => [email, id]))
})
afterAll(() => api?.close())

async function edit(id: string, input: Record<string, unknown>): Promise<void> {
  const source = `mutation ($input: CustomerUpdateInput!) {
    customerUpdate(input: $input) { userErrors { message } }
  }`
  const { customerUpdate } = await api.as('A').data(source, { input: { id, expectedVersion: 1, ...input } })
  expect(customerUpdate.userErrors).toEqual([])
}

async function entries(variables: Record<string, unknown> = {}, tenant: 'A' | 'B' = 'A'): Promise<Data> {
  return (await api.as(tenant, 'ADMIN').data(ENTRIES, variables)).auditEntries
}

const actionsOf = ({ nodes }: Data) => nodes.map(({ action }: Data) => action)

describe('auditEntries', () => {
  it('show actor, action and object, latest first, with each changed field before and after', async () => {
    const { nodes, totalCount } = await entries({ filter: { subjectId: customerId } })
    expect(totalCount).toBe(2)
    expect(nodes).toMatchObject([
      {
        action: 'customerUpdate',
        actor: { kind: 'MEMBER', actorId: members['owner@anchor.example'], label: 'owner@anchor.example' },
        subject: { type: 'Customer', subjectId: customerId },
        changes: [{ field: 'name', before: 'Ada Audit', after: 'Ada Lovelace' }],
      },
      {
        action: 'customerCreate',
        changes: expect.arrayContaining([
          { field: 'email', before: null, after: 'ada@shop.example' },
          { field: 'name', before: null, after: 'Ada Audit' },
        ]),
      },
    ])
    for (const { createdAt, recordedAt } of nodes)
      expect(Math.abs(Date.parse(recordedAt) - Date.parse(createdAt))).toBeLessThan(60_000)
  })

  it('carry the id of the request that they came with', async () => {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-request-id': 'an-id-of-the-clients-own',
        authorization: api.as('A').authorization,
      },
      body: JSON.stringify({
        query: `mutation { customerCreate(input: { name: "Traced", email: "traced@shop.example" }) { userErrors { message } } }`,
      }),
    })
    expect(response.headers.get('x-request-id')).toBe('an-id-of-the-clients-own')
    const { nodes } = await entries({ query: 'an-id-of-the-clients-own' })
    expect(nodes).toMatchObject([{ action: 'customerCreate', requestId: 'an-id-of-the-clients-own' }])
  })

  it('are found by who did it', async () => {
    const staff = members['staff@anchor.example']
    const { nodes } = await entries({ filter: { actorId: staff } })
    expect(nodes).toMatchObject([{ action: 'productCreate', actor: { actorId: staff } }])
    expect(actionsOf(await entries({ filter: { actorKind: ['SYSTEM'] } }))).toEqual(['tenantCreate'])
    expect(actionsOf(await entries({ filter: { actorKind: ['API_KEY', 'SUPPORT', 'INVITED'] } }))).toEqual([])
  })

  it('are found by action and type of object', async () => {
    expect(actionsOf(await entries({ filter: { action: ['productCreate', 'customerUpdate'] } }))).toEqual([
      'productCreate',
      'customerUpdate',
    ])
    expect(actionsOf(await entries({ filter: { subjectType: 'Product' } }))).toEqual(['productCreate'])
  })

  it('are found by time: from an instant, and before another', async () => {
    const [latest] = (await entries({ first: 1 })).nodes
    const at = latest.createdAt
    const from = await entries({ filter: { createdFrom: at } })
    expect(from.nodes.map(({ id }: Data) => id)).toContain(latest.id)
    const before = await entries({ filter: { createdBefore: at } })
    expect(before.nodes.map(({ id }: Data) => id)).not.toContain(latest.id)
    expect(actionsOf(await entries({ filter: { createdFrom: '2999-01-01T00:00:00Z' } }))).toEqual([])
  })

  it('are found by words in actor, action and values, all of them at once', async () => {
    expect(actionsOf(await entries({ query: 'lovelace' }))).toEqual(['customerUpdate'])
    expect(actionsOf(await entries({ query: 'ada audit' }))).toEqual(['customerUpdate', 'customerCreate'])
    expect(actionsOf(await entries({ query: 'STAFF@anchor kettle' }))).toEqual(['productCreate'])
    expect(actionsOf(await entries({ query: '100%' }))).toEqual([])
  })

  it('come in pages that miss nothing', async () => {
    const all = (await entries({ first: 100 })).nodes.map(({ id }: Data) => id)
    const paged: string[] = []
    let after: string | null = null
    do {
      const { nodes, pageInfo }: Data = await entries({ first: 2, after })
      paged.push(...nodes.map(({ id }: Data) => id))
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null
    } while (after !== null)
    expect(paged).toEqual(all)
  })

  it('are nodes', async () => {
    const [{ id }] = (await entries({ filter: { subjectId: productId } })).nodes
    const source = 'query ($id: ID!) { node(id: $id) { id ... on AuditEntry { action } } }'
    expect(await api.as('A').data(source, { id })).toEqual({ node: { id, action: 'productCreate' } })
    expect(await api.as('B').data(source, { id })).toEqual({ node: null })
  })

  it.each(['STAFF', 'VIEWER'] as const)('need audit:read, which %s has not', async (role) => {
    for (const source of ['{ auditEntries { nodes { id } } }', '{ auditHead { hash } }']) {
      const { errors } = await api.as('A', role).send(source)
      expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'audit:read' } }])
    }
  })

  it('cross-tenant: another tenant’s are not found, by any filter', async () => {
    const foreign = await entries({}, 'B')
    expect(actionsOf(foreign)).toEqual(['customerCreate', 'tenantCreate'])
    const absent = encodeId('cust', newId())
    for (const filter of [
      { subjectId: customerId },
      { subjectId: absent },
      { subjectId: 'no id' },
      { actorId: members['owner@anchor.example'] },
      { actorId: 'no id' },
    ]) {
      expect((await entries({ filter }, 'B')).nodes, JSON.stringify(filter)).toEqual([])
    }
    expect((await entries({ query: 'lovelace' }, 'B')).totalCount).toBe(0)
  })
})

describe('the actor of an entry', () => {
  const CREATE = `mutation ($input: CustomerCreateInput!) { customerCreate(input: $input) { userErrors { message } } }`
  const input = () => ({ name: 'Somebody', email: `${newId()}@shop.example` })

  it('a key, by its name and id, and its permissions, but nothing of its secret', async () => {
    const key = await makeKey(api.as('A'), ['customers:write', 'customers:read'], { name: 'Till 3' })
    await api.bearing(key.secret).data(CREATE, { input: input() })
    const [entry] = (await entries({ filter: { actorId: key.id } })).nodes
    expect(entry).toMatchObject({
      action: 'customerCreate',
      actor: { kind: 'API_KEY', actorId: key.id, label: 'Till 3' },
    })
    const { nodes } = await entries({ filter: { subjectId: key.id } })
    expect(nodes).toMatchObject([{ action: 'apiKeyCreate', subject: { type: 'ApiKey', subjectId: key.id } }])
    expect(nodes[0].changes.map(({ field }: Data) => field)).toContain('permissions')
    await expectNowhere(key.secret)
  })

  it('platform staff, by their own address and the grant', async () => {
    await letSupportIn(api, 'A', { access: 'WRITE' })
    await api.bearing(supportToken('A')).data(CREATE, { input: input() })
    const { nodes } = await entries({ filter: { actorKind: ['SUPPORT'] } })
    expect(nodes.map(({ action, actor }: Data) => [action, actor.label])).toEqual([
      ['customerCreate', SUPPORTER],
      ['supportAccessUse', SUPPORTER],
    ])
    expect(nodes[0].actor.actorId).toMatch(/^grant_/)
  })

  it('an invited person, and nothing of the token', async () => {
    const { token, session, email } = await invitee(api, 'A')
    const source = `mutation ($input: InvitationAcceptInput!) { invitationAccept(input: $input) { userErrors { message } } }`
    const { invitationAccept } = await session.data(source, { input: { token } })
    expect(invitationAccept.userErrors).toEqual([])
    const { nodes } = await entries({ filter: { action: ['invitationAccept'] } })
    // One entry per object; entries of one call are in order of creation, so in reverse here.
    expect(nodes.map(({ subject }: Data) => subject.type)).toEqual(['Invitation', 'Member'])
    expect(new Set(nodes.map(({ createdAt }: Data) => createdAt)).size).toBe(1)
    for (const { actor } of nodes)
      expect(actor).toMatchObject({ kind: 'INVITED', actorId: expect.stringMatching(/^inv_/), label: email })
    await expectNowhere(token)
  })

  async function expectNowhere(secret: string): Promise<void> {
    const { rows } = await asSuperuser(api.database, (client) =>
      client.query('SELECT id FROM audit_entries a WHERE strpos(to_jsonb(a)::text, $1) > 0', [secret]),
    )
    expect(rows).toEqual([])
  }
})

describe('changes', () => {
  const changed = async (action: string, subjectId: string) =>
    (await entries({ filter: { action: [action], subjectId } })).nodes[0].changes

  it('name the fields of the API: amounts with their currency, ids, and paths of parts', async () => {
    const owner = api.as('A')
    const id = await makeCustomer(owner, { name: 'Paul Path', email: 'paul@shop.example' })
    await edit(id, { address: { city: 'Bonn', country: 'DE' } })
    expect(await changed('customerUpdate', id)).toEqual([
      { field: 'address.city', before: null, after: 'Bonn' },
      { field: 'address.country', before: null, after: 'DE' },
    ])
    const { id: variantId } = await makeVariant(owner)
    const set = `mutation ($input: VariantUpdateInput!) { variantUpdate(input: $input) { userErrors { message } } }`
    const price = { amount: '12.50', currency: 'USD' }
    await owner.data(set, { input: { id: variantId, expectedVersion: 1, price } })
    expect(await changed('variantUpdate', variantId)).toEqual([
      { field: 'price', before: '10.00 USD', after: '12.50 USD' },
    ])
    const euros = { amount: '12.50', currency: 'EUR' }
    await owner.data(set, { input: { id: variantId, expectedVersion: 2, price: euros } })
    expect(await changed('variantUpdate', variantId)).toEqual([
      { field: 'price.currency', before: 'USD', after: 'EUR' },
    ])
    expect(await changed('stockAdjust', variantId)).toContainEqual({
      field: 'stock.onHand',
      before: '0',
      after: '100',
    })
    const order = await placeOrder(owner, id, [{ variantId, quantity: 2 }])
    expect(await changed('orderPlace', order.id)).toEqual(
      expect.arrayContaining([
        { field: 'customer', before: null, after: id },
        { field: 'total', before: null, after: '25.00 EUR' },
      ]),
    )
  })

  it('are told by a conflict only where somebody changed the value', async () => {
    const owner = api.as('A')
    const { id: variantId } = await makeVariant(owner)
    const set = `mutation ($input: VariantUpdateInput!) {
      variantUpdate(input: $input) { userErrors { field code } } }`
    const to = (amount: string, currency: string) => ({
      input: { id: variantId, expectedVersion: 1, price: { amount, currency } },
    })
    await owner.data(set, to('11.00', 'USD'))
    expect((await owner.data(set, to('12.00', 'EUR'))).variantUpdate.userErrors).toEqual([
      { field: ['expectedVersion'], code: 'CONFLICT' },
      { field: ['price', 'amount'], code: 'CONFLICT' },
    ])
  })
})

describe('a query with an id', () => {
  it('finds the entries about the object, of any type, and those of an actor', async () => {
    const staff = members['staff@anchor.example']
    expect(actionsOf(await entries({ query: productId }))).toEqual(['productCreate'])
    expect(actionsOf(await entries({ query: staff }))).toContain('productCreate')
    expect(actionsOf(await entries({ query: `${customerId} lovelace` }))).toEqual(['customerUpdate'])
    expect(actionsOf(await entries({ query: `${customerId} ${productId}` }))).toEqual([])
    expect(actionsOf(await entries({ query: encodeId('cust', newId()) }))).toEqual([])
  })

  it('cross-tenant: finds nothing of another tenant', async () => {
    expect((await entries({ query: customerId }, 'B')).totalCount).toBe(0)
  })
})

describe('secrets', () => {
  it('never appear in it: a provider’s keys are not among its changes', async () => {
    const source = `mutation ($input: PaymentProviderConnectInput!) {
      paymentProviderConnect(input: $input) { paymentProvider { id } userErrors { message } }
    }`
    const { paymentProviderConnect } = await api.as('A').data(source, { input: { provider: 'SANDBOX' } })
    expect(paymentProviderConnect.userErrors).toEqual([])
    const { nodes } = await entries({ filter: { action: ['paymentProviderConnect'] } })
    expect(nodes).toHaveLength(1)
    expect(JSON.stringify(nodes)).not.toMatch(/sk_|whsec_/)
  })

  it('are redacted in free texts', async () => {
    await makeCustomer(api.as('A'), { name: 'My key is sk_live_51Habcdefgh', email: 'careless@shop.example' })
    const { nodes } = await entries({ query: 'careless@shop.example' })
    expect(nodes[0].changes).toContainEqual({ field: 'name', before: null, after: 'My key is [redacted]' })
  })
})

describe('auditHead', () => {
  const HEAD = `query ($sequence: Int) {
    auditHead(sequence: $sequence) { sequence hash sealedAt entryCount unsealedCount }
  }`

  it('is the newest seal, which can later be read by its number', async () => {
    const { auditHead: none } = await api.as('B').data(HEAD)
    expect(none).toEqual({
      sequence: 0,
      hash: '00'.repeat(32),
      sealedAt: null,
      entryCount: 0,
      unsealedCount: 2,
    })
    const [seal] = await sealAudit(api, 'B')
    const { auditHead: kept } = await api.as('B').data(HEAD)
    expect(kept).toMatchObject({ sequence: 1, hash: seal?.hash, entryCount: 2, unsealedCount: 0 })
    await makeCustomer(api.as('B'))
    const { auditHead: again } = await api.as('B').data(HEAD, { sequence: 1 })
    expect(again).toEqual({ ...kept, unsealedCount: 1 })
    expect(await api.as('B').data(HEAD, { sequence: 2 })).toEqual({ auditHead: null })
  })

  it('cross-tenant: is of the caller’s own chain', async () => {
    const { auditHead } = await api.as('A').data(HEAD)
    expect(auditHead).toMatchObject({ sequence: 0 })
  })

  it('and the integrity query names altered entries under it', async () => {
    const source = '{ integrity { checks { name ok violations { message subjects { type subjectId } } } } }'
    const chainOf = ({ integrity }: Data) => integrity.checks.find(({ name }: Data) => name === 'audit-chain')
    expect(chainOf(await api.as('B').data(source))).toMatchObject({ ok: true, violations: [] })
    await asOwner(api.database, api.tenantIds.B, (owner) =>
      owner.query(`UPDATE audit_entries SET actor_label = 'nobody' WHERE action = 'tenantCreate'`),
    )
    expect(chainOf(await api.as('B').data(source))).toMatchObject({
      ok: false,
      violations: [
        {
          message: 'it was altered after seal 1 was put on it',
          subjects: [{ type: 'AuditEntry', subjectId: expect.stringMatching(/^aud_/) }],
        },
      ],
    })
  })
})

/** Last: it makes many entries. */
it('a query with an id reads by index, behind row-level security', async () => {
  await asOwner(api.database, api.tenantIds.B, (owner) =>
    owner.query(
      `INSERT INTO audit_entries
           (id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, before, after, request_id, created_at)
         SELECT gen_random_uuid(), 'MEMBER', gen_random_uuid(), 'somebody', 'orderPlace', 'Order', gen_random_uuid(), NULL,
           '{}', 'many', '2020-01-01'::timestamptz + n * interval '1 second' FROM generate_series(1, 20000) n;`,
    ),
  )
  await asSuperuser(api.database, (client) => client.query('ANALYZE audit_entries'))
  const query = {
    where: queried(customerId),
    select: { id: true },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: 21,
  } as const
  const { text, values } = compileRead(DATAMODEL, 'AuditEntry', query, api.tenantIds.B)
  const plan = await asRuntime(api.database, api.tenantIds.B, async (client) => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  })
  expect(plan).toMatch(/Index Cond: .*subject_type = .*subject_id = /)
  expect(plan).toMatch(/Index Cond: .*actor_id = /)
})
