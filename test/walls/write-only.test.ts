// Permission to write does not imply reading: each mutation × a key with only its permission. The key sees the record
// that it made or changed, and nothing else that is stored: not by a conflict, a refusal, or a repeated call.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GrantablePermission, permissionsOf, ROLES } from '../../src/auth/permissions.ts'
import { buildSchema } from '../../src/schema.ts'
import {
  connectSandbox,
  makeCustomer,
  makeVariant,
  payOrder,
  placeOrder,
  refundPayment,
} from '../shop/support/shop.ts'
import { type Api, type Data, startApi } from '../support/api.ts'
import { makeKey } from '../support/keys.ts'
import { documentOf, type Given, slotsOf, withValue } from '../support/operations.ts'
import { ACCEPT, codesOf, newEmail, sendMail, tokenFor } from '../support/people.ts'
import { validArguments } from '../support/recipes.ts'
import { unique } from '../support/unique.ts'
import { type Bearer, keyWith } from './bearers.ts'
import { mutationsOf, type Operation, ownSelection, readsRecord, recordIn } from './needs.ts'

const schema = buildSchema()
const all = mutationsOf(schema).filter(({ needed }) => needed.length === 1)
/** Mutations whose permission also allows reading. */
const writesUnread = all.filter(({ place, needed }) => {
  const reads = readsRecord(schema, place)
  return reads !== null && !needed.includes(reads)
})
const named = (operations: readonly Operation[]) =>
  operations.map((operation) => [operation.place.name, operation] as const)

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

/** A key with the mutation's permission, and `more`. */
const writer = ({ needed }: Operation, ...more: GrantablePermission[]) =>
  keyWith(api, 'A', [...(needed as GrantablePermission[]), ...more])

/** Valid arguments, new for each call. An edit changes something: one without changes shows nothing. */
async function argumentsOf(operation: Operation): Promise<Given> {
  const given = await validArguments(api, operation.place, 'A')
  const secret = slotOf(operation, 'webhookSecret')
  if (secret !== undefined) return withValue(given, secret, `whsec_${unique('nobody-is-told')}`)
  if (slotOf(operation, 'expectedVersion') === undefined) return given
  return withNamed(operation, withNamed(operation, given, 'name', unique('Name')), 'title', unique('Title'))
}

const slotOf = ({ place }: Operation, name: string) => slotsOf(place.field).find((slot) => slot.name === name)
const withNamed = (operation: Operation, given: Given, name: string, value: unknown): Given => {
  const slot = slotOf(operation, name)
  return slot === undefined ? given : withValue(given, slot, value)
}

/** The payload: the record with its own fields, and the errors. */
async function call({ send }: Bearer, { place }: Operation, given: Given): Promise<Data> {
  const { name } = recordIn(schema, place)
  const selection = `{ record: ${name} { ${ownSelection(schema, place)} } userErrors { field message code } }`
  const { data, errors } = await send(documentOf(place, given, selection), given)
  expect(errors, place.name).toEqual([])
  return data.answer
}

/** A key with one permission may not give some roles: refused by its authority, without a record. */
const AUTHORITY = ['ROLE_TOO_HIGH', 'PERMISSION_NOT_HELD']

describe('what is done', () => {
  it.each(named(all))(
    '%s shows its own record to a key that may do nothing else',
    async (_name, operation) => {
      const key = await writer(operation)
      const given = await argumentsOf(operation)
      const { record, userErrors } = await call(key, operation, given)
      if (AUTHORITY.includes(userErrors[0]?.code)) {
        expect(record).toBeNull()
        return
      }
      expect(userErrors).toEqual([])
      // exportCreate returns the running export, which this call did not make; its permission allows reading it.
      expect(record).not.toBeNull()
    },
  )

  it.each(named(writesUnread))(
    '%s, repeated, shows the record to who made the call, until somebody else changes it, and to no other key',
    async (_name, operation) => {
      const key = await writer(operation)
      const given = withNamed(operation, await argumentsOf(operation), 'idempotencyKey', unique('once'))
      const first = await call(key, operation, given)
      if (AUTHORITY.includes(first.userErrors[0]?.code)) return
      expect((await call(key, operation, given)).record).toEqual(first.record)
      const other = api.bearing((await makeOther(operation)).secret)
      const others = await call({ ...other, who: 'another key', permissions: new Set() }, operation, given)
      expect(others.record, 'to another key').toBeNull()
      const reads = readsRecord(schema, operation.place) as GrantablePermission
      const reader = await call(await writer(operation, reads), operation, given)
      expect(reader.record, 'to who may read').toEqual(first.record)
    },
  )
})

async function makeOther({ needed }: Operation): Promise<{ secret: string }> {
  return await makeKey(api.as('A'), needed)
}

describe('a conflict', () => {
  const versioned = all.filter((operation) => slotOf(operation, 'expectedVersion') !== undefined)

  it.each(named(versioned))(
    '%s tells nothing of the record to who may not read it',
    async (_name, operation) => {
      const reads = readsRecord(schema, operation.place) as GrantablePermission | null
      if (reads === null || operation.needed.includes(reads)) return
      const given = withNamed(operation, await argumentsOf(operation), 'expectedVersion', 99)
      const wanting = withEveryText(operation, given)
      const blind = await call(await writer(operation), operation, wanting)
      if (AUTHORITY.includes(blind.userErrors[0]?.code)) return
      expect(blind).toEqual({
        record: null,
        userErrors: [
          {
            field: ['expectedVersion'],
            code: 'CONFLICT',
            message: 'it was changed meanwhile, or never had this version',
          },
        ],
      })
      const seeing = await call(await writer(operation, reads), operation, wanting)
      expect(seeing.record).not.toBeNull()
      expect(seeing.userErrors[0].message).toMatch(/this is version \d+, not 99/)
    },
  )

  /** Sends another value for every text, so that all differ. */
  function withEveryText(operation: Operation, given: Given): Given {
    let asked = given
    for (const slot of slotsOf(operation.place.field))
      if (['title', 'name', 'email', 'sku', 'handle', 'vendor', 'phone'].includes(slot.name))
        asked = withValue(asked, slot, slot.name === 'email' ? 'other@else.example' : 'other-value')
    return asked
  }

  it('under a key that a reader used tells no more to who may not read, and the other way round', async () => {
    const id = await makeCustomer(api.as('A'))
    const source = `mutation ($input: CustomerUpdateInput!) {
      customerUpdate(input: $input) { customer { email } userErrors { message } } }`
    const input = { id, expectedVersion: 9, name: 'Other', idempotencyKey: unique('shared') }
    const [blind, seeing] = [
      await keyWith(api, 'A', ['customers:write']),
      await keyWith(api, 'A', ['customers:write', 'customers:read']),
    ]
    const told = async ({ send }: Bearer) => (await send(source, { input })).data.customerUpdate
    const seen = await told(seeing)
    expect(seen.customer.email).toContain('@')
    expect(seen.userErrors).toHaveLength(2)
    expect(await told(blind)).toEqual({
      customer: null,
      userErrors: [{ message: 'it was changed meanwhile, or never had this version' }],
    })
    expect(await told(seeing)).toEqual(seen)
  })
})

describe('an edit', () => {
  const UPDATE = `mutation ($input: CustomerUpdateInput!) {
    customerUpdate(input: $input) { customer { email name version } userErrors { code } } }`

  it('that changes nothing is no way to read', async () => {
    const id = await makeCustomer(api.as('A'))
    const { send } = await keyWith(api, 'A', ['customers:write'])
    const { data } = await send(UPDATE, { input: { id, expectedVersion: 1 } })
    expect(data.customerUpdate).toEqual({ customer: null, userErrors: [] })
  })

  it('repeated after somebody else’s shows nothing of theirs', async () => {
    const id = await makeCustomer(api.as('A'))
    const { send } = await keyWith(api, 'A', ['customers:write'])
    const input = { id, expectedVersion: 1, name: 'Mine', idempotencyKey: unique('mine') }
    const mine = (await send(UPDATE, { input })).data.customerUpdate
    expect(mine.customer).toMatchObject({ name: 'Mine', version: 2 })
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(mine)
    await api.as('A').data(UPDATE, { input: { id, expectedVersion: 2, email: 'theirs@else.example' } })
    const nothing = { customer: null, userErrors: [] }
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(nothing)
    // An edit by the key, with or without changes, does not make the other's record its own.
    await send(UPDATE, { input: { id, expectedVersion: 3 } })
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(nothing)
    await send(UPDATE, { input: { id, expectedVersion: 4, name: 'Mine again' } })
    expect((await send(UPDATE, { input })).data.customerUpdate).toEqual(nothing)
  })

  it('of a payment shows nothing of it after somebody else’s refund', async () => {
    await connectSandbox(api, 'A')
    const customerId = await makeCustomer(api.as('A'))
    const { id } = await makeVariant(api.as('A'))
    const order = await placeOrder(api.as('A'), customerId, [{ variantId: id, quantity: 1 }])
    const { send } = await keyWith(api, 'A', ['payments:take'])
    const take = `mutation ($input: PaymentTakeInput!) {
      paymentTake(input: $input) { payment { id status refundedAmount { amountMinor } } userErrors { code } } }`
    const input = { orderId: order.id, paymentMethod: 'pm_card_visa', idempotencyKey: unique('k') }
    const mine = (await send(take, { input })).data.paymentTake
    expect(mine.payment).toMatchObject({ status: 'SUCCEEDED' })
    expect((await send(take, { input })).data.paymentTake).toEqual(mine)
    await refundPayment(api.as('A'), mine.payment.id)
    expect((await send(take, { input })).data.paymentTake).toEqual({ payment: null, userErrors: [] })
  })

  it('of an invitation shows nothing of it after it was accepted', async () => {
    const { send } = await keyWith(api, 'A', [
      ...permissionsOf('STAFF'),
      'members:manage',
    ] as GrantablePermission[])
    const source = `mutation ($input: MemberInviteInput!) {
      memberInvite(input: $input) { invitation { id status } userErrors { code } } }`
    const email = newEmail()
    const input = { email, role: 'STAFF', idempotencyKey: unique('k') }
    const mine = (await send(source, { input })).data.memberInvite
    expect(mine).toMatchObject({ invitation: { status: 'PENDING' }, userErrors: [] })
    await sendMail(api, 'A', mine.invitation.id)
    expect((await send(source, { input })).data.memberInvite).toEqual(mine)
    const token = await tokenFor(api, email)
    expect(await codesOf(api.asPerson('A', email), ACCEPT, { token })).toEqual([])
    expect((await send(source, { input })).data.memberInvite).toEqual({ invitation: null, userErrors: [] })
  })
})

describe('a refusal', () => {
  const lines = (variantId: string, quantity: number) => [{ variantId, quantity }]
  const ORDER = `mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) { userErrors { code message } } }`
  const placing = async (permissions: GrantablePermission[], input: object) => {
    const { send } = await keyWith(api, 'A', ['orders:write', ...permissions])
    return (await send(ORDER, { input: { idempotencyKey: unique('k'), ...input } })).data.orderPlace
      .userErrors
  }

  it('of stock says how much there is to who may read stock and catalogue', async () => {
    const customerId = await makeCustomer(api.as('A'))
    const { id, sku } = await makeVariant(api.as('A'))
    const input = { customerId, lines: lines(id, 9_999) }
    const plain = [{ code: 'STOCK_INSUFFICIENT', message: 'not enough in stock' }]
    expect(await placing([], input)).toEqual(plain)
    expect(await placing(['stock:read'], input), 'which would tell the SKU').toEqual(plain)
    const [told] = await placing(['stock:read', 'catalogue:read'], input)
    expect(told.message).toContain(sku)
  })

  it('of stock is told last to who may not read stock, and of no line: it is no way to count without an order', async () => {
    const customerId = await makeCustomer(api.as('A'))
    const [one, other] = [await makeVariant(api.as('A')), await makeVariant(api.as('A'))]
    const nobody = { customerId: 'nobody', lines: lines(one.id, 9_999) }
    const source = ORDER.replace('code message', 'code field')
    const told = async (permissions: GrantablePermission[], input: object) => {
      const { send } = await keyWith(api, 'A', ['orders:write', ...permissions])
      const answer = await send(source, { input: { idempotencyKey: unique('k'), ...input } })
      return answer.data.orderPlace.userErrors.map(
        ({ code, field }: { code: string; field: string[] }) => `${code} ${field.join('.')}`,
      )
    }
    const short = (line: number) => `STOCK_INSUFFICIENT lines.${line}.quantity`
    expect(await told([], nobody)).toEqual(['NOT_FOUND customerId'])
    expect(await told(['stock:read'], nobody)).toEqual(['NOT_FOUND customerId', short(0)])
    const both = (quantity: number) => ({
      customerId,
      lines: [...lines(one.id, 9_999), ...lines(other.id, quantity)],
    })
    for (const quantity of [1, 9_999]) {
      expect(await told([], both(quantity))).toEqual(['STOCK_INSUFFICIENT lines'])
    }
    expect(await told(['stock:read'], both(1))).toEqual([short(0)])
    expect(await told(['stock:read'], both(9_999))).toEqual([short(0), short(1)])
  })

  it('of an order’s or a payment’s state says which to who may read it', async () => {
    await connectSandbox(api, 'A')
    const customerId = await makeCustomer(api.as('A'))
    const { id } = await makeVariant(api.as('A'))
    const order = await placeOrder(api.as('A'), customerId, lines(id, 1))
    await payOrder(api, 'A', order.id)
    const cancel = `mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { status } userErrors { code message } } }`
    const cancelling = { id: order.id, expectedVersion: 2, idempotencyKey: unique('k') }
    const blind = await keyWith(api, 'A', ['orders:write'])
    expect((await blind.send(cancel, { input: cancelling })).data.orderCancel).toEqual({
      order: null,
      userErrors: [{ code: 'WRONG_STATUS', message: 'the order does not allow this in its current state' }],
    })
    const seeing = await keyWith(api, 'A', ['orders:write', 'orders:read'])
    expect((await seeing.send(cancel, { input: cancelling })).data.orderCancel).toEqual({
      order: { status: 'PAID' },
      userErrors: [{ code: 'WRONG_STATUS', message: 'it was paid: refund it first' }],
    })
    const take = `mutation ($input: PaymentTakeInput!) { paymentTake(input: $input) { userErrors { code message } } }`
    const taking = { orderId: order.id, paymentMethod: 'pm_card_visa', idempotencyKey: unique('k') }
    const till = await keyWith(api, 'A', ['payments:take'])
    expect((await till.send(take, { input: taking })).data.paymentTake.userErrors).toEqual([
      { code: 'WRONG_STATUS', message: 'the order cannot be paid in its current state' },
    ])
  })

  it('of a payment that this key took and that failed says why; to another key that repeats the call it does not', async () => {
    await connectSandbox(api, 'A')
    const customerId = await makeCustomer(api.as('A'))
    const { id } = await makeVariant(api.as('A'))
    const order = await placeOrder(api.as('A'), customerId, lines(id, 1))
    const take = `mutation ($input: PaymentTakeInput!) {
      paymentTake(input: $input) { payment { status failureCode } userErrors { code message } } }`
    const input = { orderId: order.id, paymentMethod: 'pm_card_chargeDeclined', idempotencyKey: unique('k') }
    const [till, other] = [
      await keyWith(api, 'A', ['payments:take']),
      await keyWith(api, 'A', ['payments:take', 'orders:write']),
    ]
    const told = async ({ send }: Bearer) => (await send(take, { input })).data.paymentTake
    const declined = {
      payment: { status: 'FAILED', failureCode: 'CARD_DECLINED' },
      userErrors: [{ code: 'CARD_DECLINED', message: 'Your card was declined.' }],
    }
    expect(await told(till)).toEqual(declined)
    expect(await told(till), 'again').toEqual(declined)
    expect(await told(other)).toEqual({
      payment: null,
      userErrors: [{ code: 'PROVIDER_REFUSED', message: 'it failed' }],
    })
  })
})

describe('a search', () => {
  it('for orders by whom they are for takes what reading customers does', async () => {
    const reading = await keyWith(api, 'A', ['orders:read'])
    const source = 'query ($query: String) { orders(query: $query) { totalCount } }'
    expect((await reading.send(source, { query: 'kim@' })).errors).toMatchObject([
      { code: 'FORBIDDEN', extensions: { permission: 'customers:read' } },
    ])
    for (const query of ['1', '#1', '  ', null])
      expect((await reading.send(source, { query })).errors).toEqual([])
    const both = await keyWith(api, 'A', ['orders:read', 'customers:read'])
    expect((await both.send(source, { query: 'kim@' })).errors).toEqual([])
  })
})

it('every role may read what it may write: only a key can write without reading', () => {
  for (const { place, needed } of writesUnread) {
    const reads = readsRecord(schema, place) as GrantablePermission
    for (const role of ROLES)
      if (needed.every((one) => permissionsOf(role).has(one)))
        expect(permissionsOf(role).has(reads), `${role}: ${place.name}`).toBe(true)
  }
})

it('the rule is declared once: every record of a payload is shown by it', () => {
  for (const { place } of mutationsOf(schema)) {
    expect(recordIn(schema, place).extensions.showsOwnRecord, place.name).toBe(true)
  }
  expect(writesUnread.length).toBeGreaterThan(10)
})
