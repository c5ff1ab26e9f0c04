// Money in the API.
import { type Money, toDecimal } from '../core/money.ts'
import { builder } from './builder.ts'

export const MoneyType = builder.objectRef<Money>('Money').implement({
  description: 'An amount of money.',
  fields: (t) => ({
    amountMinor: t.expose('amountMinor', {
      type: 'BigInt',
      description: 'In minor units: cents for USD, yen for JPY.',
    }),
    amount: t.field({
      type: 'Decimal',
      description: 'In major units, exactly: "19.99".',
      resolve: toDecimal,
    }),
    currency: t.expose('currency', { type: 'Currency' }),
  }),
})

export const MoneyInput = builder.inputType('MoneyInput', {
  description: 'An amount of money, in minor units: cents for USD, yen for JPY.',
  fields: (t) => ({
    amountMinor: t.field({ type: 'BigInt', required: true }),
    currency: t.field({ type: 'Currency', required: true }),
  }),
})
