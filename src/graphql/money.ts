// Money in the API.
import { decimalOf, type Money, minorDigitsOf, toDecimal } from '../core/money.ts'
import type { ModelName, RowOf } from '../db/register.ts'
import { builder } from './builder.ts'
import { computed } from './projection.ts'

export const MINOR_DIGITS =
  "How many decimal places the currency has, by ISO 4217: 2 for USD and HUF, 0 for JPY. A browser's own data may differ."

export const MONEY_TYPE = 'Money'

/** The JSON of a field of Money, from the texts of the amount's and the currency's columns. */
type FromTexts = (amountMinor: string, currency: string) => string

function fromTexts(make: FromTexts): { readonly extensions: { readonly fromTexts: FromTexts } } {
  return { extensions: { fromTexts: make } }
}

export const MoneyType = builder.objectRef<Money>(MONEY_TYPE).implement({
  description: 'An amount of money.',
  extensions: { isValue: true },
  fields: (t) => ({
    amountMinor: t.expose('amountMinor', {
      type: 'BigInt',
      description: 'In minor units: cents for USD, yen for JPY.',
      ...fromTexts((amountMinor) => `"${amountMinor}"`),
    }),
    amount: t.field({
      type: 'Decimal',
      description: 'In major units, exactly: "19.99".',
      ...fromTexts((amountMinor, currency) => `"${decimalOf(amountMinor, currency)}"`),
      resolve: toDecimal,
    }),
    currency: t.expose('currency', {
      type: 'Currency',
      ...fromTexts((_amountMinor, currency) => JSON.stringify(currency)),
    }),
    minorDigits: t.int({
      description: MINOR_DIGITS,
      ...fromTexts((_amountMinor, currency) => String(minorDigitsOf(currency))),
      resolve: ({ currency }) => minorDigitsOf(currency),
    }),
  }),
})

type ColumnOf<Name extends ModelName, Value> = {
  [Column in keyof RowOf<Name> & string]: RowOf<Name>[Column] extends Value ? Column : never
}[keyof RowOf<Name> & string]

/** Null for an amount that may be. */
type MoneyOf<Amount> = null extends Amount ? Money | null : Money

/**
 * The options of a field that shows two columns as an amount of money: minor units, and their currency. Where the amount may be
 * null, the field is nullable.
 */
export function moneyField<
  Name extends ModelName,
  Amount extends ColumnOf<Name, bigint | null>,
  Currency extends ColumnOf<Name, string>,
>(model: Name, amount: Amount, currency: Currency) {
  const { extensions, resolve } = computed(model, [amount, currency], (row) => {
    const amountMinor = row[amount] as bigint | null
    return (amountMinor === null ? null : { amountMinor, currency: row[currency] as string }) as MoneyOf<
      RowOf<Name>[Amount]
    >
  })
  return {
    type: MoneyType,
    extensions: { projection: { ...extensions.projection, passesTexts: true } },
    resolve,
  }
}

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
