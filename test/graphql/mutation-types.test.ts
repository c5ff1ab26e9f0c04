// What the compiler holds of a mutation: it is its command's, and cannot say otherwise. Each line that must not compile is
// marked, and `tsc` fails where one does.
import { expect, it } from 'vitest'
import { addMutation } from '../../src/graphql/mutation.ts'
import { productArchive } from '../../src/shop/catalogue/update-product.ts'
import { createCustomer, customerCreate } from '../../src/shop/customers/create-customer.ts'
import { fulfillOrder } from '../../src/shop/orders/finish-order.ts'
import { Customer, Product } from '../../src/shop/refs.ts'

const description = 'Adds a customer.'
const result = { field: 'customer', type: Customer, model: 'Customer' } as const

/** Never called: a schema has each mutation once. */
const mutations = [
  () =>
    addMutation(customerCreate, {
      description,
      result,
      // @ts-expect-error: `email` is missing
      fields: (t) => ({ name: t.string({ required: true }), phone: t.string(), address: t.string() }),
      run: (caller, input) => createCustomer(caller, input as never),
    }),
  () =>
    addMutation(customerCreate, {
      description,
      result,
      fields: (t) => ({
        name: t.string({ required: true }),
        email: t.string({ required: true }),
        phone: t.string(),
        address: t.string(),
        // @ts-expect-error: the command takes no `fax`
        fax: t.string(),
      }),
      run: (caller, input) => createCustomer(caller, input as never),
    }),
  () =>
    addMutation(productArchive, {
      description,
      result: { field: 'product', type: Product, model: 'Product' },
      fields: (t) => ({ id: t.id({ required: true }), expectedVersion: t.int({ required: true }) }),
      // @ts-expect-error: the use case of another command, which takes the same and needs another permission
      run: (caller, input) => fulfillOrder(caller, input),
    }),
  () =>
    addMutation(customerCreate, {
      description,
      result,
      fields: (t) => ({
        name: t.string({ required: true }),
        email: t.string({ required: true }),
        phone: t.string(),
        address: t.string(),
      }),
      // @ts-expect-error: an address is no text
      run: (caller, input) => createCustomer(caller, input),
    }),
]

it('a mutation with other fields or another use case than its command does not compile', () => {
  expect(mutations).toHaveLength(4)
})
