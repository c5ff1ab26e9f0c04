// The `integrity` query: its permission, result and cost.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { nodeId } from '../../../src/graphql/node-ids.ts'
import { CHECKS } from '../../../src/wiring.ts'
import { type Api, type Data, startApi, type TenantKey } from '../../support/api.ts'
import { accountOf } from '../support/money.ts'
import {
  connectSandbox,
  makeCustomer,
  makeShop,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../support/shop.ts'

/** In order: the checks of the rows, then the audit's chain. */
const CHECKED = [...CHECKS.map(({ name }) => name), 'audit-chain']

let api: Api
beforeAll(async () => {
  api = await startApi()
  await makeShop(api, 'B')
  for (const amountMinor of [300n, undefined]) await refundPayment(api.as('B'), await paid('B'), amountMinor)
})
afterAll(() => api.close())

/** A new order, paid through the API and the sandbox; returns the payment's id. */
async function paid(tenant: TenantKey): Promise<string> {
  const session = api.as(tenant)
  const customerId = await makeCustomer(session)
  const { id } = await makeVariant(session)
  const order = await placeOrder(session, customerId, [{ variantId: id, quantity: 3 }])
  return await payOrder(api, tenant, order.id)
}

const INTEGRITY = `query ($provider: Boolean) {
  integrity(provider: $provider) { checkedAt ok checks { name description ok violationCount violations { message subjects { type subjectId } } } }
}`

/** Changes the level without a movement. */
async function damage(tenant: TenantKey, sku: string): Promise<void> {
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
    expect(integrity.checks.map(({ name }: { name: string }) => name)).toEqual(CHECKED)
  })

  it('compares with the provider’s books on request', async () => {
    const session = api.as('B', 'ADMIN')
    const names = (data: Data) => data.integrity.checks.map(({ name }: { name: string }) => name)
    const { integrity } = await session.data(INTEGRITY, { provider: true })
    expect(integrity).toMatchObject({ ok: true })
    expect(names({ integrity })).toEqual([...CHECKED, 'provider-records'])
    for (const provider of [false, null]) {
      expect(names(await session.data(INTEGRITY, { provider }))).not.toContain('provider-records')
    }
  })

  it('names violations by ids that can be looked up, and that no other tenant can see', async () => {
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
        violations: [{ message: expect.any(String), subjects: [{ type: 'Variant', subjectId: id }] }],
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

  it('costs so much that an operation cannot have it twice', async () => {
    const twice = `{ one: integrity { ok } two: integrity { ok } }`
    const { errors } = await api.as('A').send(twice)
    expect(errors).toMatchObject([{ code: 'QUERY_TOO_COMPLEX' }])
  })

  it('reports a charge that only the provider has', async () => {
    await connectSandbox(api, 'A')
    const account = await accountOf(api, 'A')
    const paymentId = newId()
    await account.charge({
      tenantId: api.tenantIds.A,
      paymentId,
      amountMinor: 700n,
      currency: 'USD',
      method: 'pm_card_visa',
      returnUrl: null,
      description: 'of nobody here',
    })
    const { integrity } = await api.as('A').data(INTEGRITY, { provider: true })
    // The charge's event has no payment either, and may have arrived by now: that is another check's.
    expect(integrity.checks.at(-1)).toMatchObject({
      name: 'provider-records',
      violations: [{ subjects: [{ type: 'Payment', subjectId: nodeId('Payment', paymentId) }] }],
    })
  })
})
