// Compile-time checks of a mutation against its command. Each line that must not compile is marked, and `tsc` fails
// where one does.
import { expect, it } from 'vitest'
import { addMutation } from '../../../src/graphql/mutation.ts'
import { adjustStock, stockAdjust } from '../../../src/shop/catalogue/adjust-stock.ts'
import { cancelOrder, orderFulfill } from '../../../src/shop/orders/finish-order.ts'
import { Order, Variant } from '../../../src/shop/refs.ts'

const description = 'Books a change of stock.'
const result = { field: 'variant', type: Variant, model: 'Variant' } as const

/** Never called: a schema has each mutation once. */
const mutations = [
  () =>
    addMutation(stockAdjust, {
      description,
      result,
      // @ts-expect-error: `reason` is missing
      fields: (t) => ({ variantId: t.id({ required: true }), delta: t.int({ required: true }) }),
      run: (caller, input) => adjustStock(caller, input as never),
    }),
  () =>
    addMutation(stockAdjust, {
      description,
      result,
      fields: (t) => ({
        variantId: t.id({ required: true }),
        delta: t.int({ required: true }),
        reason: t.string({ required: true }),
        // @ts-expect-error: the command takes no `colour`
        colour: t.string(),
      }),
      run: (caller, input) => adjustStock(caller, input as never),
    }),
  () =>
    addMutation(orderFulfill, {
      description,
      result: { field: 'order', type: Order, model: 'Order' },
      fields: (t) => ({ id: t.id({ required: true }), expectedVersion: t.int({ required: true }) }),
      // @ts-expect-error: the use case of another command, which takes the same and does something else
      run: (caller, input) => cancelOrder(caller, input),
    }),
  () =>
    addMutation(stockAdjust, {
      description,
      result,
      fields: (t) => ({
        variantId: t.id({ required: true }),
        delta: t.int({ required: true }),
        reason: t.string({ required: true }),
      }),
      // @ts-expect-error: a reason is one of few words, and no text
      run: (caller, input) => adjustStock(caller, input),
    }),
]

it('a mutation with other fields or another use case than its command does not compile', () => {
  expect(mutations).toHaveLength(4)
})
