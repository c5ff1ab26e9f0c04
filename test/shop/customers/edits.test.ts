// Concurrent edits of customers.
import { afterAll, beforeAll } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { itEditsVersionedRecords } from '../../support/edits.ts'
import { makeCustomer } from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

itEditsVersionedRecords({
  api: () => api,
  mutation: 'customerUpdate',
  record: 'customer',
  prefix: 'cust',
  make: (of, tenant) => makeCustomer(of.as(tenant)),
  // Nested in the input, so that the path of the difference is tested, too.
  input: (text) => ({ address: { line1: text } }),
  textOf: ({ address }) => address.line1,
  selection: 'address { line1 }',
  permission: 'customers:write',
})
