// Money in the API.
import { type Money, minorDigitsOf, toDecimal } from '../core/money.ts'
import { builder } from './builder.ts'

export const MINOR_DIGITS =
  "How many decimal places the currency has, by ISO 4217: 2 for USD and HUF, 0 for JPY. A browser's own data may differ."

export const MONEY_TYPE = 'Money'

export const MoneyType = builder.objectRef<Money>(MONEY_TYPE).implement({
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
    minorDigits: t.int({
      description: MINOR_DIGITS,
      resolve: ({ currency }) => minorDigitsOf(currency),
    }),
  }),
})

export const MoneyInput = builder.inputType('MoneyInput', {
  description:
    'An amount of money: `amount` or `amountMinor`, exactly one of them. The amount with more decimal places than its currency ' +
    'has is refused, never rounded.',
  extensions: { exactlyOne: ['amountMinor', 'amount'] },
  fields: (t) => ({
    amount: t.field({ type: 'Decimal', description: 'In major units, exactly: "19.99".' }),
    amountMinor: t.field({ type: 'BigInt', description: 'In minor units: cents for USD, yen for JPY.' }),
    currency: t.field({ type: 'Currency', required: true }),
  }),
})
