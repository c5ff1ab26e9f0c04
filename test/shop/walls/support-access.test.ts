// What support may do in a shop; test/desk/support tests who grants access, and for how long.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { encodeId } from '../../../src/core/ids.ts'
import { sqlstateOf } from '../../../src/db/faults.ts'
import { type Api, startApi } from '../../support/api.ts'
import { apiKeyWith, letSupportIn, SUPPORTER, supportToken } from '../../support/credentials.ts'
import { asOwner } from '../../support/database.ts'
import { unique } from '../../support/unique.ts'
import { makeCustomer, makeProduct } from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())
afterEach(async () => {
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query('UPDATE support_grants SET revoked_at = now() WHERE revoked_at IS NULL'),
  )
  api.services.sessions.forget(api.tenantIds.A)
})

const supporter = () => api.bearing(supportToken('A'))
const CREATE_CUSTOMER = `mutation ($input: CustomerCreateInput!) {
  customerCreate(input: $input) { customer { id } userErrors { code } }
}`

it('READ reads what the tenant has and writes nothing; WRITE writes what STAFF may', async () => {
  const customer = await makeCustomer(api.as('A'))
  await letSupportIn(api, 'A', { access: 'READ' })
  const source = `{ customer(id: "${customer}") { id } members { totalCount } ledgerAccounts { totalCount } }`
  expect((await supporter().data(source)).customer).toEqual({ id: customer })
  const input = { email: `${unique('x')}@shop.example`, name: 'By support' }
  expect((await supporter().send(CREATE_CUSTOMER, { input })).errors).toMatchObject([
    { code: 'FORBIDDEN', extensions: { permission: 'customers:write' } },
  ])
  const wide = await letSupportIn(api, 'A', { access: 'WRITE' })
  const { customerCreate } = await supporter().data(CREATE_CUSTOMER, { input })
  expect(customerCreate.userErrors).toEqual([])
  const { auditEntries } = await api
    .as('A')
    .data(
      '{ auditEntries(filter: { action: ["customerCreate"] }, first: 1) { nodes { actor { kind actorId label } } } }',
    )
  expect(auditEntries.nodes).toEqual([
    { actor: { kind: 'SUPPORT', actorId: encodeId('grant', wide), label: SUPPORTER } },
  ])
})

it('a WRITE grant widens nothing but a clerk’s work', async () => {
  await letSupportIn(api, 'A', { access: 'WRITE' })
  await makeProduct(api.as('A'))
  await apiKeyWith(api, 'A', ['things:read'])
  const caller = await api.authenticator.authenticate(
    { authorization: `Bearer ${supportToken('A')}`, tenant: undefined, address: '127.0.0.1' },
    'request',
  )
  const change = (sql: 'products' | 'members' | 'support_grants' | 'api_keys') =>
    caller.database
      .withTenant(caller.scope, async (tx) => {
        if (sql === 'products') return await tx.$executeRaw`UPDATE products SET vendor = 'x'`
        if (sql === 'members') return await tx.$executeRaw`UPDATE members SET role = 'OWNER'`
        if (sql === 'support_grants')
          return await tx.$executeRaw`UPDATE support_grants SET expires_at = now() + interval '1 year'`
        return await tx.$executeRaw`UPDATE api_keys SET revoked_at = NULL`
      })
      .catch(sqlstateOf)
  expect(await change('products')).toBeGreaterThan(0)
  for (const table of ['members', 'support_grants', 'api_keys'] as const)
    expect(await change(table), table).toBe('BK004')
})
