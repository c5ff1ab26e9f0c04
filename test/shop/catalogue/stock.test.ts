// Booking stock changes: bounds, repetitions, other tenants.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodeId, newId, uuidOf } from '../../../src/core/ids.ts'
import { type Api, type Data, type Session, startApi } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant, placeOrder } from '../support/shop.ts'
import { untruths } from '../support/truth.ts'

let api: Api
let a: Session
beforeAll(async () => {
  api = await startApi()
  a = api.as('A')
})
afterEach(async () => {
  expect(await untruths(api, 'A')).toEqual([])
})
afterAll(() => api?.close())

const STOCK_ADJUST = `mutation ($input: StockAdjustInput!) { stockAdjust(input: $input) {
  variant {
    stock { onHand reserved available }
    stockMovements { nodes { reason onHandDelta reservedDelta } }
  }
  userErrors { field message code }
} }`

async function call(input: Record<string, unknown>, session: Session): Promise<Data> {
  return (await session.data(STOCK_ADJUST, { input })).stockAdjust
}

const refusals = ({ userErrors }: Data) =>
  userErrors.map(({ field, code }: Data) => `${code} ${field.join('.')}`)

describe('stockAdjust', () => {
  const adjust = (variantId: string, delta: number, session = a, idempotencyKey = unique('key')) =>
    call({ variantId, delta, reason: 'COUNT', idempotencyKey }, session)

  it('books a movement, and never goes below what orders have reserved', async () => {
    const { id } = await makeVariant(a, { stock: 5 })
    await placeOrder(a, await makeCustomer(a), [{ variantId: id, quantity: 3 }])
    const { variant } = await adjust(id, -2)
    expect(variant.stock).toEqual({ onHand: 3, reserved: 3, available: 0 })
    expect(variant.stockMovements.nodes[0]).toEqual({ reason: 'COUNT', onHandDelta: -2, reservedDelta: 0 })
    const refused = await adjust(id, -1)
    expect(refused.userErrors).toEqual([
      {
        code: 'STOCK_INSUFFICIENT',
        field: ['delta'],
        message: '3 on hand, 3 of them reserved: -1 is too much',
      },
    ])
    expect(refused.variant).toBeNull()
  })

  it.each([
    [0, 'FORMAT'],
    [1_000_001, 'OUT_OF_RANGE'],
    [-1_000_001, 'OUT_OF_RANGE'],
  ])('a change of %i is refused as %s', async (delta, code) => {
    const { id } = await makeVariant(a)
    expect(refusals(await adjust(id, delta))).toEqual([`${code} delta`])
  })

  it('more than a column holds is refused, not a fault', async () => {
    const { id } = await makeVariant(a, { stock: 0 })
    await asOwner(api.database, api.tenantIds.A, async (owner) => {
      const values = [uuidOf('var', id), 2 ** 31 - 1]
      await owner.query('UPDATE stock_levels SET on_hand = $2 WHERE variant_id = $1', values)
      await owner.query(
        `INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta)
         VALUES (gen_random_uuid(), $1, 'RECEIPT', $2, 0)`,
        values,
      )
    })
    const input = { variantId: id, delta: 1, reason: 'RECEIPT', idempotencyKey: unique('key') }
    const { errors } = await a.send(STOCK_ADJUST, { input })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT', message: 'a number is out of range' }])
  })

  it('once for each key', async () => {
    const { id } = await makeVariant(a, { stock: 5 })
    const key = unique('key')
    const first = await adjust(id, 2, a, key)
    expect(await adjust(id, 2, a, key)).toEqual(first)
    expect(refusals(await adjust(id, 3, a, key))).toEqual(['IDEMPOTENCY_KEY_REUSED idempotencyKey'])
  })

  it('cross-tenant: of another tenant’s variant is NOT_FOUND, as of an absent and a malformed one', async () => {
    const { id: foreign } = await makeVariant(a)
    const payloads = []
    for (const id of [foreign, encodeId('var', newId()), 'var_x'])
      payloads.push(await adjust(id, 1, api.as('B')))
    expect(payloads[0]).toEqual({
      variant: null,
      userErrors: [{ code: 'NOT_FOUND', field: ['variantId'], message: 'there is no such variant' }],
    })
    for (const payload of payloads) expect(payload).toEqual(payloads[0])
  })
})
