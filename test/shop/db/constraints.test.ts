// Constraints of the database as user errors: each kind is known by its name, whatever language the server writes its errors in, and
// one that nobody has given words to is INTERNAL.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { constraint, refusedBy } from '../../../src/commands/constraint.ts'
import { newId } from '../../../src/core/ids.ts'
import { violatedConstraint } from '../../../src/db/faults.ts'
import { type Api, startApi } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { systemOf } from '../../support/system.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
  await asSuperuser(api.database, (client) =>
    client.query(`
      CREATE EXTENSION IF NOT EXISTS btree_gist;
      ALTER TABLE customers
        ADD CONSTRAINT customers_phone_digits CHECK (phone ~ '^[0-9]+$'),
        ADD CONSTRAINT customers_one_phone EXCLUDE USING gist (tenant_id WITH =, phone WITH =)`),
  )
})
afterAll(() => api?.close())

/** What a write of this customer fails with; null: it does not. */
async function failureOf(data: { email: string; phone?: string }): Promise<unknown> {
  const { database, scope } = await systemOf(api, 'A')
  return await database
    .withTenant({ ...scope, writes: 'customers:write' }, (tx) =>
      tx.customer.create({ data: { name: 'Ada', ...data } }),
    )
    .then(() => null)
    .catch((error: unknown) => error)
}

describe('the name of the constraint that a write met', () => {
  beforeAll(async () => {
    expect(await failureOf({ email: 'first@buyer.example', phone: '1' })).toBeNull()
  })

  it.each([
    ['UNIQUE', { email: 'first@buyer.example', phone: '2' }, 'customers_tenant_id_email_key'],
    ['CHECK', { email: 'second@buyer.example', phone: 'none' }, 'customers_phone_digits'],
    ['EXCLUDE', { email: 'third@buyer.example', phone: '1' }, 'customers_one_phone'],
  ])('%s', async (_kind, data, name) => {
    expect(violatedConstraint(await failureOf(data))).toBe(name)
  })

  it('FOREIGN KEY', async () => {
    const { database, scope } = await systemOf(api, 'A')
    const data = { productId: newId(), sku: 'nobody', title: 'Nobody', priceMinor: 1n, currency: 'USD' }
    const failure = await database
      .withTenant({ ...scope, writes: 'catalogue:write' }, (tx) => tx.variant.create({ data }))
      .catch((error: unknown) => error)
    expect(violatedConstraint(failure)).toBe('variants_tenant_id_product_id_fkey')
  })

  it('null for what met none', () => {
    expect(violatedConstraint(new Error('violates check constraint (constraint "made_up")'))).toBeNull()
  })
})

describe('a refusal', () => {
  const rules = [
    constraint('customers_phone_digits', { field: 'phone', code: 'NO_DIGITS', message: 'digits alone' }),
  ]

  it('says what the rule of the constraint says', async () => {
    const failure = await failureOf({ email: 'fourth@buyer.example', phone: 'x' })
    expect(refusedBy(failure, rules)).toMatchObject({
      done: false,
      errors: [{ field: ['phone'], code: 'NO_DIGITS', message: 'digits alone' }],
    })
  })

  it('is not made without a rule: the error is passed on', async () => {
    const failure = await failureOf({ email: 'fifth@buyer.example', phone: 'x' })
    expect(() => refusedBy(failure, [])).toThrow(failure as Error)
  })

  it('without a rule the API answers INTERNAL, reveals nothing of it, and writes nothing', async () => {
    const source = `mutation { customerCreate(input: { email: "sixth@buyer.example", name: "Ada", phone: "x" }) {
      customer { id } userErrors { code } } }`
    const { data, errors } = await api.as('A').send(source)
    expect(data).toEqual({ customerCreate: null })
    expect(errors).toMatchObject([{ code: 'INTERNAL' }])
    expect(JSON.stringify(errors)).not.toContain('customers_phone_digits')
    expect(
      await api.as('A').data('{ customers(filter: { email: "sixth@buyer.example" }) { totalCount } }'),
    ).toEqual({
      customers: { totalCount: 0 },
    })
  })
})
