// The `integrity` query: who may ask, what it answers, what it costs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectOwner } from '../../src/db/owner.ts'
import { CHECKS } from '../../src/integrity/checks.ts'
import { type Api, startApi } from '../support/api.ts'
import { makeCustomer, makeVariant, placeOrder } from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  const session = api.as('B')
  const customerId = await makeCustomer(session)
  const { id } = await makeVariant(session)
  await placeOrder(session, customerId, [{ variantId: id, quantity: 3 }])
})
afterAll(() => api.close())

const INTEGRITY = `{
  integrity { checkedAt ok checks { name description ok violationCount violations { message subjects { type id } } } }
}`

/** Changes the level behind the movements' back. */
async function damage(tenant: 'A' | 'B', sku: string): Promise<void> {
  const owner = await connectOwner(api.database.ownerUrl)
  await owner.inTenant(api.tenantIds[tenant], (query) =>
    query(
      `UPDATE stock_levels SET on_hand = on_hand + 5 WHERE variant_id = (SELECT id FROM variants WHERE sku = $1)`,
      [sku],
    ),
  )
  await owner.end()
}

describe('integrity', () => {
  it('proves that a shop which sold through the API is in order, check by check', async () => {
    const { integrity } = await api.as('B', 'ADMIN').data(INTEGRITY)
    expect(integrity.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([])
    expect(integrity.ok).toBe(true)
    expect(integrity.checks.map(({ name }: { name: string }) => name)).toEqual(CHECKS.map(({ name }) => name))
  })

  it('names what is not in order by an id that can be looked up, and nobody else hears of it', async () => {
    const session = api.as('A', 'OWNER')
    const { id, sku } = await makeVariant(session)
    await damage('A', sku)
    const { integrity } = await session.data(INTEGRITY)
    expect(integrity.ok).toBe(false)
    const wrong = integrity.checks.filter(({ ok }: { ok: boolean }) => !ok)
    expect(wrong).toMatchObject([
      {
        name: 'stock-movements',
        violationCount: 1,
        violations: [{ message: expect.any(String), subjects: [{ type: 'Variant', id }] }],
      },
    ])
    const { node } = await session.data('query ($id: ID!) { node(id: $id) { ... on Variant { sku } } }', {
      id,
    })
    expect(node).toEqual({ sku })
    const theirs = await api.as('B').data(INTEGRITY)
    expect(theirs.integrity.ok).toBe(true)
  })

  it.each(['STAFF', 'VIEWER'] as const)('is refused to %s', async (role) => {
    const { data, errors } = await api.as('A', role).send(INTEGRITY)
    expect(data).toBeNull()
    expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission: 'integrity:read' } }])
  })

  it('costs so much that nobody asks for it twice in an operation', async () => {
    const twice = `{ one: integrity { ok } two: integrity { ok } }`
    const { errors } = await api.as('A').send(twice)
    expect(errors).toMatchObject([{ code: 'QUERY_TOO_COMPLEX' }])
  })
})
