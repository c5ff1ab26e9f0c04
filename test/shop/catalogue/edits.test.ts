// Concurrent edits of products and variants.
import { afterAll, beforeAll } from 'vitest'
import { type Api, startApi } from '../../support/api.ts'
import { itEditsVersionedRecords } from '../../support/edits.ts'
import { makeProduct, makeVariant } from '../support/shop.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

itEditsVersionedRecords({
  api: () => api,
  mutation: 'productUpdate',
  record: 'product',
  prefix: 'prod',
  make: (of, tenant) => makeProduct(of.as(tenant)),
  input: (text) => ({ title: text }),
  textOf: ({ title }) => title,
  selection: 'title',
  permission: 'catalogue:write',
})

itEditsVersionedRecords({
  api: () => api,
  mutation: 'variantUpdate',
  record: 'variant',
  prefix: 'var',
  make: async (of, tenant) => (await makeVariant(of.as(tenant))).id,
  input: (text) => ({ title: text }),
  textOf: ({ title }) => title,
  selection: 'title',
  permission: 'catalogue:write',
})
