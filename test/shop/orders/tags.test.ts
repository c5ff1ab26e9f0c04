// Tags of orders: setting, reading and filtering by them, their bounds, and their part of the history and the audit.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uuidOf } from '../../../src/core/ids.ts'
import { DATAMODEL } from '../../../src/db/datamodel.ts'
import { compileRead } from '../../../src/db/reader/read-sql.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asRuntime, asSuperuser } from '../../support/database.ts'
import { countStatements } from '../../support/statements.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, ORDER_TAGS_SET, placeOrder, setTags } from '../support/shop.ts'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
})
afterAll(() => api?.close())

async function makeOrder(session = a): Promise<string> {
  const { id: variantId } = await makeVariant(session)
  return (await placeOrder(session, await makeCustomer(session), [{ variantId, quantity: 1 }])).id
}

async function set(input: Record<string, unknown>, session = a): Promise<Data> {
  const full = { idempotencyKey: unique('tags'), expectedVersion: 1, ...input }
  return (await session.data(ORDER_TAGS_SET, { input: full })).orderTagsSet
}

async function taggedWith(tag: string, session = a): Promise<string[]> {
  const source = 'query ($tag: String!) { orders(filter: { tag: $tag }) { nodes { id } } }'
  return (await session.data(source, { tag })).orders.nodes.map(({ id }: Data) => id)
}

async function stateOf(id: string): Promise<Data> {
  const source = `query ($id: ID!) { order(id: $id) { version tags
    timeline { nodes { kind actorLabel text node { id } } } } }`
  return (await a.data(source, { id })).order
}

describe('orderTagsSet', () => {
  it('replaces the tags, tidied and in their order', async () => {
    const id = await makeOrder()
    expect(await set({ id, tags: ['  wholesale ', 'pick   up'] })).toEqual({
      order: { id, version: 2, tags: ['wholesale', 'pick up'] },
      userErrors: [],
    })
    const second = await set({ id, tags: ['pick up', 'VIP'], expectedVersion: 2 })
    expect(second.order).toEqual({ id, version: 3, tags: ['pick up', 'VIP'] })
    expect((await set({ id, tags: [], expectedVersion: 3 })).order).toEqual({ id, version: 4, tags: [] })
  })

  it('keeps the first of tags that differ in case, and takes another case for a change', async () => {
    const id = await makeOrder()
    expect((await set({ id, tags: ['VIP', 'vip', 'École', ' ÉCOLE '] })).order.tags).toEqual(['VIP', 'École'])
    const { order } = await set({ id, tags: ['vip', 'École'], expectedVersion: 2 })
    expect(order).toMatchObject({ version: 3, tags: ['vip', 'École'] })
  })

  it('changes nothing where the tags are the same', async () => {
    const id = await makeOrder()
    await setTags(a, id, ['one', 'two'])
    expect(await set({ id, tags: [' one', 'two', 'ONE'], expectedVersion: 2 })).toMatchObject({
      order: { version: 2, tags: ['one', 'two'] },
      userErrors: [],
    })
    const { timeline } = await stateOf(id)
    expect(timeline.nodes).toHaveLength(2)
  })

  it('takes 25 tags of 1 to 40 characters', async () => {
    const id = await makeOrder()
    const full = Array.from({ length: 25 }, (_, n) => `${n}`.padEnd(40, 'x'))
    for (const tags of [[...full, 'more'], ['x'.repeat(41)], ['fine', '   '], ['two\u0007']]) {
      const { order, userErrors } = await set({ id, tags })
      expect(order).toBeNull()
      expect(userErrors).toMatchObject([{ field: expect.arrayContaining(['tags']) }])
    }
    expect((await set({ id, tags: full })).order.tags).toEqual(full)
    // Lower case has more characters here: two for each.
    const lengthened = await set({ id, tags: ['İ'.repeat(40)], expectedVersion: 2 })
    expect(lengthened.order.tags).toEqual(['İ'.repeat(40)])
  })

  it('refuses an order that has another version, with the tags of now', async () => {
    const id = await makeOrder()
    await setTags(a, id, ['mine'])
    const { order, userErrors } = await set({ id, tags: ['yours'] })
    expect(order).toEqual({ id, version: 2, tags: ['mine'] })
    expect(userErrors).toMatchObject([
      { field: ['expectedVersion'], code: 'CONFLICT', params: { version: 2 } },
      { field: ['tags'], code: 'CONFLICT', params: { current: ['mine'] } },
    ])
  })

  it('sets them once per key', async () => {
    const id = await makeOrder()
    const input = { id, tags: ['once'], idempotencyKey: unique('tags') }
    const first = await set(input)
    expect(await set(input)).toEqual(first)
    expect(await stateOf(id)).toMatchObject({ version: 2, tags: ['once'] })
  })

  it('of several at once one wins', async () => {
    const id = await makeOrder()
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((tag) => set({ id, tags: [tag, `${tag}2`] })))
    const won = answers.filter(({ userErrors }) => userErrors.length === 0)
    expect(won).toHaveLength(1)
    expect(await stateOf(id)).toMatchObject({ version: 2, tags: won[0]?.order.tags })
  })

  it("cross-tenant: another tenant's order is NOT_FOUND", async () => {
    const id = await makeOrder(api.as('B'))
    expect(await set({ id, tags: ['x'] })).toMatchObject({
      order: null,
      userErrors: [{ field: ['id'], code: 'NOT_FOUND' }],
    })
  })

  it('is refused to a VIEWER', async () => {
    const input = { id: await makeOrder(), tags: [], expectedVersion: 1, idempotencyKey: unique('tags') }
    const { errors } = await api.as('A', 'VIEWER').send(ORDER_TAGS_SET, { input })
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'orders:write' } }])
  })

  it('is told by the history: who, and the tags since then', async () => {
    const id = await makeOrder()
    await setTags(api.as('A', 'STAFF'), id, ['b', 'a'])
    await setTags(a, id, [], 2)
    expect((await stateOf(id)).timeline.nodes).toMatchObject([
      { kind: 'TAGS_CHANGED', actorLabel: 'owner@anchor.example', text: null, node: { id } },
      { kind: 'TAGS_CHANGED', actorLabel: 'staff@anchor.example', text: 'b, a' },
      { kind: 'PLACED' },
    ])
  })

  it('is audited with the tags before and after', async () => {
    const id = await makeOrder()
    await setTags(a, id, ['before'])
    await setTags(a, id, ['after'], 2)
    const source = `query ($id: String!) { auditEntries(first: 1, query: $id) { nodes { action changes { field before after } } } }`
    expect((await a.data(source, { id })).auditEntries.nodes).toEqual([
      { action: 'orderTagsSet', changes: [{ field: 'tags', before: '["before"]', after: '["after"]' }] },
    ])
  })
})

describe('orders by tag', () => {
  it('are those with exactly this tag, in any case', async () => {
    const [tag, one, other] = [unique('Tag'), await makeOrder(), await makeOrder()]
    await setTags(a, one, ['first', tag])
    await setTags(a, other, [`${tag} more`])
    expect(await taggedWith(` ${tag.toUpperCase()} `)).toEqual([one])
    expect(await taggedWith(tag.slice(0, -1))).toEqual([])
    expect(await taggedWith('')).toEqual([])
    await setTags(a, one, [], 2)
    expect(await taggedWith(tag)).toEqual([])
  })

  it('cross-tenant: none of another tenant’s', async () => {
    const tag = unique('tag')
    await setTags(a, await makeOrder(), [tag])
    const session = api.as('B')
    const own = await makeOrder(session)
    await setTags(session, own, [tag])
    expect(await taggedWith(tag, session)).toEqual([own])
  })

  it('are read with the tags of a page by one statement', async () => {
    for (const tag of ['0', '1', '2']) await setTags(a, await makeOrder(), [tag, 'all'])
    const { result, statements } = await countStatements(() =>
      a.data('{ orders(first: 3) { nodes { tags } } }'),
    )
    expect(result.orders.nodes).toEqual([
      { tags: ['2', 'all'] },
      { tags: ['1', 'all'] },
      { tags: ['0', 'all'] },
    ])
    expect(statements.filter((text) => text.includes('order_tags'))).toHaveLength(1)
  })

  it('are found by index behind row-level security', async () => {
    await asSuperuser(api.database, async (superuser) => {
      await superuser.query('SET LOCAL session_replication_role = replica')
      await superuser.query(
        `WITH placed AS (
           INSERT INTO orders (tenant_id, id, number, customer_id, currency, total_minor)
           SELECT $1::uuid, gen_random_uuid(), 1000000 + n, gen_random_uuid(), 'USD', 100 FROM generate_series(1, 5000) n
           RETURNING id, number
         )
         INSERT INTO order_tags (tenant_id, order_id, position, tag, folded)
         SELECT $1::uuid, id, p, 'bulk', 'bulk ' || (number + p) % 3000 FROM placed, generate_series(0, 2) p`,
        [api.tenantIds.A],
      )
      await superuser.query('ANALYZE orders, order_tags')
    })
    const where = { tags: { some: { folded: 'bulk 7' } } }
    const query = { where, select: { id: true }, orderBy: [{ placedAt: 'asc' }, { id: 'asc' }], take: 21 }
    const { text, values } = compileRead(DATAMODEL, 'Order', query, api.tenantIds.A)
    const plan = await asRuntime(api.database, api.tenantIds.A, async (client) => {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, [...values])
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    })
    expect(plan).toMatch(/Index Cond: .*folded = /)
    expect(plan).not.toContain('Seq Scan')
  })
})

describe('the database', () => {
  const insert = (id: string, position: number, tag: string, folded: string) =>
    asRuntime(api.database, api.tenantIds.A, (client) =>
      client.query('INSERT INTO order_tags (order_id, position, tag, folded) VALUES ($1, $2, $3, $4)', [
        uuidOf('ord', id),
        position,
        tag,
        folded,
      ]),
    )

  it.each([
    ['a 26th tag', 25, 'x', 'x'],
    ['an empty tag', 0, '', 'x'],
    ['a tag of 41 characters', 0, 'x'.repeat(41), 'x'],
    ['a tag without its folded form', 0, 'x', ''],
  ])('refuses %s', async (_name, position, tag, folded) => {
    const id = await makeOrder()
    await expect(insert(id, position, tag, folded)).rejects.toThrow(/violates check constraint/)
  })

  it('refuses a tag twice, and to change one', async () => {
    const id = await makeOrder()
    await setTags(a, id, ['Twice'])
    await expect(insert(id, 1, 'TWICE', 'twice')).rejects.toThrow(/order_tags_tenant_id_folded_order_id_key/)
    await expect(
      asRuntime(api.database, api.tenantIds.A, (client) =>
        client.query("UPDATE order_tags SET tag = 'other'"),
      ),
    ).rejects.toThrow(/permission denied/)
  })
})
