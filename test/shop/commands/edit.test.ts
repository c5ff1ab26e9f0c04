// Editing a record that others edit too, through the API: what every update mutation has in common.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../../../src/core/ids.ts'
import { type Api, type Session, startApi } from '../../support/api.ts'
import { asOwner } from '../../support/database.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeVariant } from '../support/shop.ts'

const UPDATE = `mutation ($input: CustomerUpdateInput!) { customerUpdate(input: $input) {
  customer { name email phone version } userErrors { field code message } } }`

let api: Api
let session: Session
beforeAll(async () => {
  api = await startApi()
  session = api.as('A', 'STAFF')
})
afterAll(() => api?.close())

const update = async (input: Record<string, unknown>) =>
  (await session.data(UPDATE, { input })).customerUpdate
const eventsOf = async () =>
  (
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(`SELECT type, payload FROM outbox_events WHERE type ~ 'updated|archived' ORDER BY id`),
    )
  ).rows

describe('an edit', () => {
  it('changes what was given and nothing else, and counts the version up', async () => {
    const email = `${unique('edit')}@shop.example`
    const id = await makeCustomer(session, { name: 'Ada', email, phone: '1' })
    expect(await update({ id, expectedVersion: 1, name: 'Eva' })).toEqual({
      customer: { name: 'Eva', email, phone: '1', version: 2 },
      userErrors: [],
    })
    expect(await update({ id, expectedVersion: 2, phone: null })).toMatchObject({
      customer: { name: 'Eva', phone: null, version: 3 },
    })
  })

  it('of another version than the user saw is a CONFLICT that shows the record and each differing field', async () => {
    const id = await makeCustomer(session, { name: 'Ada', phone: '1' })
    await update({ id, expectedVersion: 1, name: 'Eva' })
    const { customer, userErrors } = await update({ id, expectedVersion: 1, name: 'Ida', phone: '1' })
    expect(customer).toMatchObject({ name: 'Eva', version: 2 })
    expect(userErrors).toEqual([
      {
        field: ['expectedVersion'],
        code: 'CONFLICT',
        message: 'it was changed meanwhile: this is version 2, not 1',
      },
      { field: ['name'], code: 'CONFLICT', message: 'it is now "Eva"' },
    ])
  })

  it('of another version names only the fields that somebody else changed since it', async () => {
    const id = await makeCustomer(session, { name: 'Ada', phone: '1' })
    await update({ id, expectedVersion: 1, name: 'Eva' })
    await update({ id, expectedVersion: 2, phone: '2' })
    const fieldsOf = ({ userErrors }: { userErrors: { field: string[] }[] }) =>
      userErrors.map(({ field }) => field[0])
    const wanted = { id, name: 'Ida', phone: '3', address: { city: 'Bonn' } }
    expect(fieldsOf(await update({ ...wanted, expectedVersion: 1 }))).toEqual([
      'expectedVersion',
      'name',
      'phone',
    ])
    expect(fieldsOf(await update({ ...wanted, expectedVersion: 2 }))).toEqual(['expectedVersion', 'phone'])
    // A version that there never was: of each field that differs.
    expect(fieldsOf(await update({ ...wanted, expectedVersion: 9 }))).toEqual([
      'expectedVersion',
      'name',
      'phone',
      'address',
    ])
  })

  it('of the same version, ten at once, is done by one of them', async () => {
    const id = await makeCustomer(session)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => update({ id, expectedVersion: 1, name: `Name ${n}` })),
    )
    const done = answers.filter(({ userErrors }) => userErrors.length === 0)
    expect(done).toHaveLength(1)
    expect(done[0]?.customer.version).toBe(2)
  })

  it('to a value that another record has is refused in the words of its field', async () => {
    const email = `${unique('edit')}@shop.example`
    await makeCustomer(session, { email })
    const id = await makeCustomer(session)
    const { customer, userErrors } = await update({ id, expectedVersion: 1, email })
    expect(customer).toBeNull()
    expect(userErrors).toEqual([
      { field: ['email'], code: 'TAKEN', message: 'another customer has this address' },
    ])
  })

  it('cross-tenant: of another tenant’s record is NOT_FOUND, as of one that does not exist', async () => {
    const foreign = await makeCustomer(api.as('B'))
    const answers = []
    for (const id of [foreign, `cust_${'0'.repeat(26)}`, newId()])
      answers.push(await update({ id, expectedVersion: 1, name: 'Mine' }))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ customer: null, userErrors: [{ field: ['id'], code: 'NOT_FOUND' }] })
  })

  it('of a product or a variant publishes an event with the new version', async () => {
    const { id, productId } = await makeVariant(session)
    const before = (await eventsOf()).length
    const edit = (name: string, type: string, more: object) =>
      session.data(`mutation ($input: ${type}!) { ${name}(input: $input) { userErrors { code } } }`, {
        input: { expectedVersion: 1, ...more },
      })
    await edit('variantUpdate', 'VariantUpdateInput', { id, title: 'New' })
    await edit('productUpdate', 'ProductUpdateInput', { id: productId, title: 'New' })
    await edit('productArchive', 'ProductArchiveInput', { id: productId, expectedVersion: 2 })
    expect((await eventsOf()).slice(before)).toEqual([
      { type: 'variant.updated', payload: { version: 2 } },
      { type: 'product.updated', payload: { version: 2 } },
      { type: 'product.archived', payload: { version: 3 } },
    ])
  })
})
