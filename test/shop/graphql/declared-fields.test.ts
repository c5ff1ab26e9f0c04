// What fields declare of their columns: what the compiler refuses, and the JSON that some make of their columns' texts.
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLObjectType,
  isLeafType,
  isObjectType,
} from 'graphql'
import { expect, it } from 'vitest'
import { builder } from '../../../src/graphql/builder.ts'
import { MONEY_TYPE, moneyField } from '../../../src/graphql/money.ts'
import { computed, type Projection } from '../../../src/graphql/projection.ts'
import { buildSchema } from '../../../src/schema.ts'
import { Payment } from '../../../src/shop/refs.ts'

const schema = buildSchema()
type Field = GraphQLField<unknown, unknown>
type OfColumns = Extract<Projection, { readonly columns: readonly string[] }>

const types = Object.values(schema.getTypeMap()).filter(isObjectType)
const declared = types.flatMap((type) =>
  Object.values(type.getFields()).flatMap((field) => {
    const projection = field.extensions.projection as Projection | undefined
    return projection !== undefined && 'columns' in projection
      ? [{ place: `${type.name}.${field.name}`, field, projection }]
      : []
  }),
)

const jsonOf = ({ type }: Field, value: unknown) => {
  const leaf = 'ofType' in type ? type.ofType : type
  return JSON.stringify(isLeafType(leaf) ? leaf.serialize(value) : value)
}

it('the compiler refuses a column that is not there, one that is not named, and an amount that is none', () => {
  /** Never called. */
  const uncompiled = [
    // @ts-expect-error: there is no such column
    () => computed('Order', ['nummer'], () => 1),
    // @ts-expect-error: it reads a column that it does not name
    () => computed('Order', ['number'], ({ status }) => status),
    // @ts-expect-error: a text is no amount
    () => moneyField('Payment', 'method', 'currency'),
    // @ts-expect-error: the provider's fee may be null, and the field may not
    () => builder.objectField(Payment, 'cost', (t) => t.field(moneyField('Payment', 'feeMinor', 'currency'))),
  ]
  expect(uncompiled).toHaveLength(4)
})

it('an amount that may be null is null where it is', () => {
  const { resolve } = moneyField('Payment', 'feeMinor', 'currency')
  expect(resolve({ feeMinor: null, currency: 'EUR' }, {}, {} as never)).toBeNull()
  expect(resolve({ feeMinor: 0n, currency: 'EUR' }, {}, {} as never)).toEqual({
    amountMinor: 0n,
    currency: 'EUR',
  })
})

const UUID = '01890a5d-ac96-774b-bcce-b302099a8057'

const texts = declared.filter(({ projection }) => projection.text !== undefined)

it.each(texts)('$place: the JSON of the text is that of the value', ({ field, projection }) => {
  const { columns, of, text } = projection as Required<OfColumns>
  expect(columns).toHaveLength(1)
  const value = of({ [columns[0] as string]: UUID } as never, {} as never)
  expect(text(UUID)).toBe(jsonOf(field, value))
})

it('every id of a record is made of its text', () => {
  const ids = declared.filter(({ field }) => field.name === 'id').map(({ place }) => place)
  expect(texts.map(({ place }) => place)).toEqual(ids)
})

const AMOUNTS = [
  '0',
  '5',
  '-5',
  '99',
  '-100',
  '1999',
  '-123456',
  '9223372036854775807',
  '-9223372036854775808',
]
const CURRENCIES = ['EUR', 'JPY', 'HUF', 'BHD', 'CLF']

it.each(AMOUNTS.flatMap((amount) => CURRENCIES.map((currency) => [amount, currency] as const)))(
  'money: the JSON of %s minor units of %s is that of the value, field by field',
  (amount, currency) => {
    const money = schema.getType(MONEY_TYPE) as GraphQLObjectType
    for (const field of Object.values(money.getFields())) {
      const { resolve = defaultFieldResolver, extensions } = field
      const { fromTexts } = extensions as { readonly fromTexts?: (...texts: string[]) => string }
      const info = { fieldName: field.name } as never
      const value = resolve({ amountMinor: BigInt(amount), currency }, {}, {}, info)
      expect(fromTexts?.(amount, currency), field.name).toBe(jsonOf(field, value))
    }
  },
)

it('the fields that pass their texts are of money, in two columns', () => {
  const passing = declared.filter(({ projection }) => projection.passesTexts === true)
  expect(passing.map(({ place }) => place)).toEqual(
    expect.arrayContaining(['Order.total', 'Payment.fee', 'Variant.price']),
  )
  for (const { field, projection } of passing) {
    expect(String(field.type).replace('!', '')).toBe(MONEY_TYPE)
    expect(projection.columns).toHaveLength(2)
  }
})
